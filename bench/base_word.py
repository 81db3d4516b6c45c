"""Trains models/base_word: bodies of networks for words, for `[train] base` of other models.

    python bench/base_sounds.py              # the words, spoken by espeak-ng and flite
    python bench/base_word.py m l s          # the bodies, one after another

Takes of words and stretches of speech and of other sound are put into streams, at other speeds, in
rooms, through microphones and in noise, as a board hears them. The network learns which word it is
(one class for all sounds that are no speech). Where pyopen-wakeword is installed (or
$OTOLITH_TEACHER names the folder with its models), it also learns to predict Google's speech
embedding of speech without a transcript. Nothing of the teacher is in the weights' file.

What a benchmark reports has no part in this: no wake word, no Arabic word, no spoken digit of FSDD;
of Speech Commands, ESC-10, kitchen20 and read speech only the parts that bench/parts.py lends.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from base_sounds import OUT, vocabulary
from parts import esc_files, kitchen_files, lent, speech_files

from otolith.audio import RATE, read_pcm
from otolith.augment.convolve import convolve, fast_length
from otolith.augment.room import impulse_response
from otolith.features import extract
from otolith.features.network_input import real_input
from otolith.files import replacing
from otolith.paths import MODELS, test_data
from otolith.settings.features import preset
from otolith.train.architectures import find
from otolith.train.session import new_session
from otolith.train.transfer import body_of, build
from otolith.train.weights import Blueprint, weights_file, write_weights

FRONT_END = dataclasses.replace(preset("micro_speech"), settle=50)
FRAMES, HOP = FRONT_END.frames, FRONT_END.hop
ARCHITECTURES = {"s": "mixed_conv_s", "m": "word_cnn_m", "l": "word_cnn_l"}
STEPS = {"s": 1500, "m": 3000, "l": 3000}
BATCH = {"s": 128, "m": 128, "l": 128}  # an eighth of it are sounds that are no speech
OTHER, UNNAMED = 0, -1  # labels: no speech; speech without a transcript
MEL_FRAMES, EMBEDDING = 76, 96  # of the teacher
PASSES = int(os.environ.get("OTOLITH_PASSES", "1"))  # times each take is put into a stream
WORKERS = int(os.environ.get("OTOLITH_WORKERS", "2"))


@dataclass
class Item:
    """A stretch of sound. label: Of a word, OTHER or UNNAMED. voice: Who speaks."""

    pcm: np.ndarray
    label: int
    voice: str
    validate: bool


@dataclass
class Streams:
    """values: int16 features of all streams in a row. first, last: Frames of each item in it.
    labels: Of items. validate: Whether an item's voice is kept for validation. embeddings: Of the
    teacher, float32, at frame `at` of items `taught`.
    """

    values: np.ndarray
    first: np.ndarray
    last: np.ndarray
    labels: np.ndarray
    validate: np.ndarray
    taught: np.ndarray
    at: np.ndarray
    embeddings: np.ndarray


def words() -> list[str]:
    """The classes: "other", then all words."""
    real = sorted(f.name for f in (test_data() / "speech_commands").iterdir())
    return ["other", *sorted({*real, *vocabulary()})]


def items(names: list[str]) -> list[Item]:
    """All stretches of sound, read in several processes."""
    number = {name: i for i, name in enumerate(names)}
    sources: list[tuple[Path, int]] = []
    for folder in sorted((test_data() / "speech_commands").iterdir()):
        takes = [f for f in sorted(folder.iterdir()) if lent(f.stem.split("_")[0])]
        sources += [(file, number[folder.name]) for file in takes]
    sources += [(f, number[f.stem]) for f in sorted((OUT / "words").glob("*.npz"))]
    sources += [(file, UNNAMED) for file in speech_files("train")]
    sources += [(file, OTHER) for file in [*esc_files("train"), *kitchen_files("train")]]
    with ProcessPoolExecutor(WORKERS, get_context("fork")) as pool:
        return [item for part in pool.map(read, sources, chunksize=20) for item in part]


def read(source: tuple[Path, int]) -> list[Item]:
    """The stretches of one file."""
    file, label = source
    if file.suffix == ".npz":
        with np.load(file) as takes:
            voices = [(name, name.split(" ", 1)[1]) for name in takes.files]
            return [Item(takes[name], label, voice, kept(voice)) for name, voice in voices]
    rng = np.random.default_rng((7, zlib.crc32(file.name.encode())))
    pcm = read_pcm(file, resample=True)
    if label > OTHER:
        speaker = file.stem.split("_")[0]
        return [Item(trimmed(pcm), label, speaker, lent(speaker, 0, 1))] * 2
    count = len(pcm) // (2 * RATE) if label == UNNAMED else 1 + len(pcm) // (4 * RATE)
    starts = rng.integers(0, max(1, len(pcm) - RATE), count)
    held = [label == OTHER and int(rng.integers(10)) == 0 for _ in starts]
    return [
        Item(pcm[start : start + RATE].copy(), label, file.stem, validate)
        for start, validate in zip(starts, held, strict=True)
    ]


def stored_items(files: list[Path]) -> list[Item]:
    """Sounds that are no speech, a second of each, for noise in streams."""
    return [Item(read_pcm(f, resample=True)[:RATE], OTHER, f.stem, False) for f in files]


def kept(voice: str) -> bool:
    """Whether a synthetic voice is kept for validation."""
    return lent(voice, 0, 1)


def trimmed(pcm: np.ndarray) -> np.ndarray:
    """A take without most of the quiet around its word."""
    total = np.cumsum(np.pad(np.abs(pcm.astype(np.float32)), (240, 240)))
    level = (total[480:] - total[:-480]) / 480
    loud = np.flatnonzero(level > 0.08 * level.max())
    return pcm[max(0, loud[0] - 800) : loud[-1] + 800] if len(loud) else pcm


def faster(rng: np.random.Generator, pcm: np.ndarray) -> np.ndarray:
    """Another speed, pitch included: 0.86 to 1.16; float32."""
    rate = rng.uniform(0.86, 1.16)
    at = np.arange(0, len(pcm) - 1, rate)
    return np.interp(at, np.arange(len(pcm)), pcm).astype(np.float32)


def noise(rng: np.random.Generator, samples: int, sounds: list[np.ndarray]) -> np.ndarray:
    """White to brown noise, or recorded sound, with RMS 1."""
    if rng.random() < 0.5:
        spectrum = np.fft.rfft(rng.standard_normal(samples, np.float32))
        slope = np.maximum(np.arange(len(spectrum), dtype=np.float32), 50)
        made = np.fft.irfft(spectrum * slope ** np.float32(-rng.uniform(0, 1)), samples)
    else:
        made, filled = np.zeros(samples, np.float32), 0
        while filled < samples:
            piece = sounds[rng.integers(len(sounds))][: samples - filled]
            made[filled : filled + len(piece)] = piece
            filled += len(piece)
    return (made / max(1e-9, float(np.sqrt(np.mean(made**2))))).astype(np.float32)


class Booth:
    """Plays items into rooms and records them. alone: With a long pause after each item."""

    def __init__(self, sounds: list[np.ndarray], alone: bool = False) -> None:
        rng = np.random.default_rng(0xB007)
        self.sounds, self.alone = sounds, alone
        self.rooms = [
            impulse_response(
                rng, rng.uniform(0.1, 0.7), rng.uniform(0.2, 3.5), rng.uniform(2.5, 7, 3)
            )
            for _ in range(60)
        ]

    def stream(
        self, rng: np.random.Generator, group: list[Item]
    ) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
        """Clean and recorded stream of a group, both float32, and the samples of each item."""
        parts, spans, at = [np.zeros(RATE, np.float32)], [], RATE
        for item in group:
            pcm = faster(rng, item.pcm)
            pcm = pcm * np.float32(0.05 * 32768 * 10 ** rng.uniform(-0.3, 0.3))
            pcm /= max(1.0, float(np.sqrt(np.mean(np.square(pcm)))) or 1.0)
            # Half of the words follow a pause, in which the front end forgets the word before.
            short = rng.random() < 0.5 and not self.alone
            pause = rng.uniform(0.05, 0.6) if short else rng.uniform(0.8, 2.5)
            gap = np.zeros(int(pause * RATE), np.float32)
            parts += [pcm, gap]
            spans.append((at, at + len(pcm)))
            at += len(pcm) + len(gap)
        rest = fast_length(at + RATE // 2) - at  # FFTs of other lengths are slow
        clean = np.concatenate([*parts, np.zeros(rest, np.float32)])
        heard = clean
        if rng.random() < 0.5:
            heard = convolve(heard, self.rooms[rng.integers(len(self.rooms))])
        if rng.random() < 0.7:
            heard = equalised(rng, heard)
        if rng.random() < 0.8:
            level = float(np.sqrt(np.mean(np.square(heard)))) / 10 ** (rng.uniform(3, 40) / 20)
            heard = heard + np.float32(level) * noise(rng, len(heard), self.sounds)
        peak = 32767 * 10 ** (rng.uniform(-32, -1) / 20)
        heard = heard * np.float32(peak / max(1.0, float(np.abs(heard).max())))
        return clean, heard + np.float32(1.5) * rng.standard_normal(len(heard), np.float32), spans


def equalised(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Through a microphone with a smooth response of some decibels up and down."""
    spectrum = np.fft.rfft(x)
    hz = np.fft.rfftfreq(len(x), 1 / RATE)
    knots = np.array([0, 120, 300, 700, 1500, 3000, 5500, 8000])
    gains = np.cumsum(rng.normal(0, 3, len(knots)))
    gains -= gains.mean()
    curve = 10 ** (np.interp(hz, knots, np.clip(gains, -9, 9)) / 20)
    spectrum *= (curve * hz / np.hypot(hz, rng.uniform(20, 200))).astype(np.float32)
    return np.fft.irfft(spectrum, len(x)).astype(np.float32)


class Teacher:
    """Google's speech embedding as pyopen-wakeword ships it, or nothing."""

    def __init__(self) -> None:
        folder = Path(os.environ.get("OTOLITH_TEACHER", ""))
        self.there = (folder / "embedding_model.tflite").exists()
        if self.there:
            import tensorflow as tf

            self.mel, self.body = (
                tf.lite.Interpreter(str(folder / name), num_threads=1)
                for name in ("melspectrogram.tflite", "embedding_model.tflite")
            )
            self.body.allocate_tensors()

    @staticmethod
    def _run(net: Any, x: np.ndarray) -> np.ndarray:
        net.set_tensor(net.get_input_details()[0]["index"], x)
        net.invoke()
        return np.squeeze(net.get_tensor(net.get_output_details()[0]["index"]))

    def mels(self, clean: np.ndarray) -> np.ndarray:
        """The teacher's spectrogram of a stream, 100 frames of 32 bands a second."""
        self.mel.resize_tensor_input(0, [1, len(clean)])
        self.mel.allocate_tensors()
        return self._run(self.mel, clean[None]) / 10 + 2

    def embed(self, mels: np.ndarray, start: int) -> np.ndarray | None:
        """The embedding of the middle 775 ms of the second from sample `start` on."""
        first = (start + RATE // 2) // 160 - MEL_FRAMES // 2
        piece = mels[first : first + MEL_FRAMES]
        if len(piece) < MEL_FRAMES:
            return None
        return self._run(self.body, piece[None, :, :, None].astype(np.float32))


@dataclass
class Recorded:
    """One stream. rows: First and last frame, label of each item. taught: Items with an embedding,
    and its frame.
    """

    values: np.ndarray
    rows: list[tuple[int, int, int]]
    taught: list[tuple[int, int]]
    embeddings: list[np.ndarray]


_crew: dict[str, Any] = {}  # of a process: its booth and teacher


def play(job: tuple[tuple[int, int, int], list[Item], bool]) -> Recorded:
    """Makes one stream. Runs in several processes."""
    key, group, teach = job
    if "teacher" not in _crew:
        _crew["teacher"] = Teacher()
    teacher: Teacher = _crew["teacher"]
    clean, heard, spans = _crew["booth"].stream(np.random.default_rng(key), group)
    pcm = np.clip(np.rint(heard), -32768, 32767).astype(np.int16)
    made = Recorded(extract(pcm, FRONT_END), [], [], [])
    mels = teacher.mels(clean) if teach and teacher.there else None
    for number, (item, (start, stop)) in enumerate(zip(group, spans, strict=True)):
        made.rows.append((start // HOP, stop // HOP, item.label))
        if mels is not None and item.label == UNNAMED:
            told = teacher.embed(mels, start)
            if told is not None:
                made.taught.append((number, start // HOP))
                made.embeddings.append(told)
    return made


def record(all_items: list[Item], alone: bool = False) -> Streams:
    """Puts every item into streams, PASSES times, and computes features.

    alone: No item follows another within 0.8 seconds.
    """
    noisy = [i.pcm.astype(np.float32) for i in all_items if i.label == OTHER and not i.validate]
    _crew["booth"] = Booth(noisy, alone)
    jobs, held = [], []
    for turn in range(PASSES):
        for validate in (False, True):
            if validate and turn:
                continue
            mine = [i for i in all_items if i.validate == validate]
            # Speech without a transcript is together, so that the teacher hears few streams.
            mine.sort(key=lambda item: item.label == UNNAMED)
            named = sum(item.label != UNNAMED for item in mine)
            rng = np.random.default_rng((11, turn))
            order = [*rng.permutation(named), *(named + rng.permutation(len(mine) - named))]
            for begin in range(0, len(order), 24):
                group = [mine[i] for i in order[begin : begin + 24]]
                jobs.append(((turn, int(validate), begin), group, turn == 0 and not validate))
                held.append(validate)
    values, rows, validate_rows, taught, at, embeddings, done = [], [], [], [], [], [], 0
    with ProcessPoolExecutor(WORKERS, get_context("fork")) as pool:
        for made, validate in zip(pool.map(play, jobs, chunksize=4), held, strict=True):
            for (number, frame), told in zip(made.taught, made.embeddings, strict=True):
                taught.append(len(rows) + number)
                at.append(done + frame)
                embeddings.append(told)
            rows += [(done + first, done + last, label) for first, last, label in made.rows]
            validate_rows += [validate] * len(made.rows)
            values.append(made.values)
            done += len(made.values)
    table = np.array(rows)
    return Streams(
        np.concatenate(values),
        table[:, 0],
        table[:, 1],
        table[:, 2],
        np.array(validate_rows),
        np.array(taught, int),
        np.array(at, int),
        np.array(embeddings, np.float32).reshape(-1, EMBEDDING),
    )


def windows(streams: Streams, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A window around each item: the whole word at a random place, or its end if it is longer."""
    first, last = streams.first[rows], streams.last[rows]
    low, high = np.minimum(last + 1 - FRAMES, first), np.maximum(last + 1 - FRAMES, first)
    long = last - first > FRAMES
    low = np.where(long, last - FRAMES - 3, low)
    high = np.where(long, last - FRAMES + 6, high)
    start = np.floor(low + rng.random(len(rows)) * (high - low + 1)).astype(int)
    return at_frames(streams, start)


def at_frames(streams: Streams, start: np.ndarray) -> np.ndarray:
    """Windows that begin at these frames."""
    start = np.clip(start, 0, len(streams.values) - FRAMES)
    return streams.values[start[:, None] + np.arange(FRAMES)]


def masked(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some bands and some frames of each window become 0."""
    for row in values:
        if rng.random() < 0.5:
            band, wide = rng.integers(FRONT_END.bands - 6), rng.integers(1, 6)
            row[:, band : band + wide] = 0
        if rng.random() < 0.5:
            frame, wide = rng.integers(FRAMES - 8), rng.integers(1, 8)
            row[frame : frame + wide] = 0
    return values


def train(size: str, streams: Streams, names: list[str], minutes: float) -> None:
    """Trains one size and writes its weights."""
    keras = new_session(1)
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    blueprint = Blueprint(ARCHITECTURES[size], FRAMES, FRONT_END.bands, 2, 0.1)
    network = build(keras, blueprint)
    assert find(blueprint.architecture)
    body = body_of(keras, network)
    told = keras.layers.Dropout(0.1)(body.output)
    word = keras.layers.Dense(len(names), name="word")(told)
    taught = keras.layers.Dense(EMBEDDING, name="embedding")(body.output)
    whole = keras.Model(body.input, [word, network.output, taught])
    rate = keras.optimizers.schedules.CosineDecay(3e-3, STEPS[size])
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(whole.trainable_variables)
    some = len(streams.embeddings) > 0
    mean, scale = streams.embeddings.mean(0) if some else 0, 1.0
    scale = streams.embeddings.std(0) + 1e-6 if some else scale
    cross = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05)
    binary = keras.losses.SparseCategoricalCrossentropy()

    @tf.function
    def step(x: Any, y: Any, spoken: Any, x_taught: Any, embedding: Any) -> Any:
        with tf.GradientTape() as tape:
            n = tf.shape(x)[0]
            logits, speech, predicted = whole(tf.concat([x, x_taught], 0), training=True)
            loss = cross(tf.one_hot(y, len(names)), logits[:n]) + 0.2 * binary(spoken, speech[:n])
            if some:
                loss += tf.reduce_mean(tf.square(predicted[n:] - embedding))
        variables = whole.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    learn = np.flatnonzero(~streams.validate & (streams.labels >= 0))
    other = learn[streams.labels[learn] == OTHER]
    named = learn[streams.labels[learn] > OTHER]
    counts = np.bincount(streams.labels[named], minlength=len(names)).astype(float)
    chance = 1 / np.sqrt(np.maximum(counts, 1))[streams.labels[named]]
    chance /= chance.sum()
    check = np.flatnonzero(streams.validate)
    rng = np.random.default_rng(3)
    started, losses, batch = time.monotonic(), [], BATCH[size]
    for number in range(STEPS[size]):
        rows = np.concatenate(
            [rng.choice(named, batch - batch // 8, p=chance), rng.choice(other, batch // 8)]
        )
        x = real_input(masked(windows(streams, rows, rng), rng), FRONT_END)
        y = streams.labels[rows].astype(np.int32)
        x_taught, embedding = x[:0], np.zeros((0, EMBEDDING), np.float32)
        if some:
            chosen = rng.integers(len(streams.taught), size=3 * batch // 8)
            start = streams.at[chosen] + rng.integers(-1, 2, len(chosen))
            x_taught = real_input(at_frames(streams, start), FRONT_END)
            embedding = ((streams.embeddings[chosen] - mean) / scale).astype(np.float32)
        losses.append(float(step(x, y, (y > OTHER).astype(np.int32), x_taught, embedding)))
        spent = (time.monotonic() - started) / 60
        if number % 250 == 249 or number + 1 == STEPS[size] or spent > minutes:
            values = real_input(windows(streams, check, np.random.default_rng(5)), FRONT_END)
            logits = whole.predict(values, verbose=0, batch_size=512)[0]
            right = logits.argmax(1) == streams.labels[check]
            print(
                f"{size} step {number + 1}, {spent:.1f} min: loss {np.mean(losses[-200:]):.3f}, "
                f"validation {right.mean():.1%} of {len(right)} takes by unheard voices",
                flush=True,
            )
            save(size, network, blueprint)
        if spent > minutes:
            print(f"{size}: time is up")
            break


def save(size: str, network: Any, blueprint: Blueprint) -> None:
    """Writes the weights beside the spec."""
    file = weights_file(MODELS / "base_word" / size, f"base_word_{size}")
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as temporary:
        write_weights(temporary, network, blueprint, half=size == "l")


def main() -> None:
    sizes = sys.argv[1:] or list("mls")
    names = words()
    stored = OUT / "streams.npz"
    if stored.exists():
        with np.load(stored) as arrays:
            streams = Streams(**{key: arrays[key] for key in arrays.files})
    else:
        started = time.monotonic()
        streams = record(items(names))
        np.savez(stored, **dataclasses.asdict(streams))
        print(f"streams: {time.monotonic() - started:.0f} s", flush=True)
    print(
        f"{len(streams.labels)} items, {len(streams.values) * HOP / RATE / 3600:.1f} h, "
        f"{len(np.unique(streams.labels)) - 2} words, {len(streams.taught)} embeddings",
        flush=True,
    )
    for size in sizes:
        train(size, streams, names, float(os.environ.get("OTOLITH_MINUTES", "30")))


if __name__ == "__main__":
    main()
