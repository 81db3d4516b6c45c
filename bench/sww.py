"""MLPerf Tiny's streaming wake word: the whole hop on each emulated core, and what it hears.

    python bench/sww.py tiny/benchmark/training/streaming_wakeword

Takes that folder of mlcommons/tiny: the reference network, a test sound and a list of bad takes.

Costs: the inference app hears the test sound over the wire. A hop is 32 ms: one frame of features
and the network with kept rows. The decision after it, some hundred instructions, is not in the
app's timers. Cycles of the virtual Pico, waits for flash
included; instructions in QEMU for M4F and M33. Outputs must equal those of the chain here.

Accuracy, by the benchmark's rule: a word is heard if a score above 0.95 comes between its beginning
and 0.5 s after its end. Scores above 0.95 elsewhere, but not within 1 s after a word, are false;
those within a second are one. The benchmark's stream of 20 minutes needs MUSAN. The stream here is
made by its recipe (build_long_wav.py, long_wav_spec.json) from the recordings of $OTOLITH_DATA:
"marvin" by speakers of Speech Commands' validation set, LibriSpeech in place of MUSAN's speech,
sounds of ESC-10 and Kitchen20 in place of its music. The network was not trained on these takes;
its makers watched it on their validation set. Nothing was chosen on them here.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from otolith.audio import RATE, read_pcm
from otolith.compile import schedule_model
from otolith.compile.engine import HostModel
from otolith.compile.metadata import write_metadata
from otolith.device import Client, VirtualTransport
from otolith.device.records import Stats
from otolith.firmware.build import build
from otolith.listen.chain import Chain
from otolith.paths import test_data
from otolith.settings.deploy import Deploy
from otolith.settings.detect import Detect
from otolith.settings.features import preset
from otolith.settings.metadata import Metadata
from otolith.virtual import boot
from otolith.virtual.qemu import NS_AN_INSTRUCTION_LOG2

BOARDS = {"pico": "cycles", "mps2_an386": "instructions", "mps2_an505": "instructions"}
MHZ = 125  # of the Pico
CLASSES = ("marvin", "silence", "other")
HOP, FRAMES = 512, 30
THRESHOLD = 0.95
SHORT = "short_wav_easy10s.wav"
SHORT_WORDS = [(1.0, 1.647625), (4.0, 4.76175), (7.0, 7.358625)]  # sww_short_test.json
SECONDS = 1200
# seconds, RMS, voices: as in long_wav_spec.json. No voices: sounds.
BACKGROUND = [
    (100, 300, 0.05, 8),
    (300, 450, 0.5, 0),
    (450, 600, 0.5, 0),
    (600, 900, 0.75, 1),
    (750, 900, 0.5, 0),
    (900, 1200, 0.2, 7),
]
Words = list[tuple[float, float]]


def costs(data: bytes, file: Path, pcm: np.ndarray) -> None:
    """Prints what a hop costs on each board."""
    schedule = schedule_model(data, "sww")
    assert schedule.stream is not None
    print(
        f"{schedule.macs:,} MACs a window, {schedule.stream.macs:,} a hop of 32 ms, "
        f"{schedule.stream.kept:,} bytes of kept rows",
        flush=True,
    )
    expected = [hop.q.tolist() for hop in Chain(data).run(pcm) if hop.q is not None]
    for board, unit in BOARDS.items():
        firmware = build(board, file)
        scale = MHZ if unit == "cycles" else 1000 / (1 << NS_AN_INSTRUCTION_LOG2)
        with boot(firmware.uf2 if board == "pico" else firmware.elf, board) as emulated:
            client = Client(VirtualTransport(emulated))
            client.hello(timeout_ms=5000)
            features, spent = 0.0, []
            for sound in (pcm[: len(pcm) // 2], pcm):
                found = client.inject(sound)
                assert found.outputs.tolist() == expected[: len(found.outputs)], board
                told = (m for m in client.lines(timeout_ms=3000) if isinstance(m, Stats))
                stats = next(m for m in told if m.infer_us)
                features = (stats.feature_us or 0) * scale
                spent.append(
                    (len(found.outputs), len(found.outputs) * (stats.infer_us or 0) * scale)
                )
        # an injection begins with a whole window: two lengths tell what a hop takes
        (few, first), (many, second) = spent
        network = (second - first) / (many - few)
        print(
            f"{board}: features {features:,.0f} {unit}, network {network:,.0f}, "
            f"hop {features + network:,.0f}; {many} outputs equal this computer's",
            flush=True,
        )


def is_for_validation(file: Path) -> bool:
    """Whether a take is in Speech Commands' validation set, by the rule of its README."""
    speaker = file.name.split("_nohash_")[0]
    percent = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2**27 * 100 / (2**27 - 1)
    return percent < 10


def looped(files: Iterable[Path], count: int) -> np.ndarray:
    """`count` samples of files in a row, with an RMS of 1."""
    parts, length = [], 0
    for file in files:
        parts.append(read_pcm(file, resample=True).astype(np.float64))
        length += len(parts[-1])
        if length >= count:
            break
    sound = np.resize(np.concatenate(parts), count)
    return sound / np.std(sound)


def stream(bad: set[str]) -> tuple[np.ndarray, Words]:
    """Twenty minutes by the benchmark's recipe, and when the words are in it."""
    rng = np.random.default_rng(0)
    folder = test_data()
    takes = sorted((folder / "speech_commands" / "marvin").glob("*.flac"))
    takes = [file for file in takes if is_for_validation(file) and file.stem not in bad]
    voices = sorted((folder / "read_speech").glob("*.ogg"))
    sounds = sorted([*(folder / "esc10").rglob("*.ogg"), *(folder / "kitchen20").rglob("*.ogg")])
    sounds = [sounds[i] for i in rng.permutation(len(sounds))]
    whole = np.zeros(SECONDS * RATE)
    for begin, end, level, count in BACKGROUND:
        length = (end - begin) * RATE
        if count:
            several = [looped([voices.pop()], length) for _ in range(count)]
        else:
            several, sounds = [looped(sounds, length)], sounds[len(sounds) // 3 :]
        whole[begin * RATE : end * RATE] += level * np.sum(several, axis=0)
    words = []
    places = np.linspace(5, SECONDS - 10, len(takes)) + rng.uniform(0, 5, len(takes))
    for file, place in zip(takes, places, strict=True):
        word = read_pcm(file).astype(np.float64)
        loud = np.flatnonzero(word > 0.05 * word.max())
        word = word[loud[0] : loud[-1]]
        at = int(place * RATE)
        whole[at : at + len(word)] += rng.uniform(0.51, 0.75) * word / np.std(word)
        words.append((place, place + len(word) / RATE))
    return (whole / np.abs(whole).max() * 32767).astype(np.int16), words


def judged(scores: np.ndarray, samples: int, words: Words) -> str:
    """Counts by the benchmark's rule. scores: of windows, the last of which ends with the sound."""
    high = np.repeat(scores > THRESHOLD, HOP)
    high = np.concatenate([np.zeros(samples - len(high), bool), high])
    heard, outside = 0, high.copy()
    for begin, end in words:
        first, last = int(begin * RATE), int(end * RATE)
        heard += bool(high[first : last + RATE // 2].any())
        outside[first : last + RATE] = False
    false, at = 0, 0
    while (places := np.flatnonzero(outside[at:])).size:
        false += 1
        at += places[0] + RATE
    return f"{heard} of {len(words)} words heard, {false} false in {samples / RATE:.0f} s"


def of_the_benchmark(model: bytes, pcm: np.ndarray) -> np.ndarray:
    """Scores with the benchmark's float features, truncated as it does.

    The compiled network computes as TFLM does (tests/unit/test_compile_ops.py).
    """
    x = np.concatenate([[0], pcm / 32768])
    frames = np.lib.stride_tricks.sliding_window_view(x[1:] - 31 / 32 * x[:-1], 2 * HOP)[::HOP]
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(2 * HOP) / (2 * HOP - 1))
    edges = np.linspace(0, 1127 * np.log(1 + RATE / 2 / 700), 42)
    bins = 1127 * np.log(1 + np.fft.rfftfreq(2 * HOP, 1 / RATE) / 700)
    rise = (bins - edges[:-2, None]) / edges[1]
    filters = np.maximum(0, np.minimum(rise, 2 - rise))
    filters[:, 0] = 0
    network = HostModel(model)
    scale = float(network.compiled.schedule.network.inputs[0].scale)
    rows = []
    for part in np.array_split(frames, max(1, len(frames) // 1000)):
        power = np.abs(np.fft.rfft(part * window)) ** 2 / (2 * HOP) @ filters.T
        values = np.clip((10 * np.log10(np.maximum(power, 1e-30)) + 52) / 64, 0, 1)
        rows.append((values / scale - 128).astype(np.int8))
    q, scores = np.concatenate(rows), []
    for end in range(FRAMES, len(q) + 1):
        found = network.invoke(q[end - FRAMES : end].reshape(1, FRAMES, 1, 40))
        scores.append((int(found.ravel()[0]) + 128) / 256)
    return np.array(scores)


def accuracy(model: bytes, data: bytes, name: str, pcm: np.ndarray, words: Words) -> None:
    """Prints what this project's chain and the benchmark's own features hear."""
    pcm = pcm[: len(pcm) // HOP * HOP]
    chain = [(int(hop.q[0]) + 128) / 256 for hop in Chain(data).run(pcm) if hop.q is not None]
    ours, theirs = np.array(chain), of_the_benchmark(model, pcm)
    both = np.abs(ours[-len(theirs) :] - theirs)
    print(f"{name}: fixed-point features here: {judged(ours, len(pcm), words)}")
    print(f"{name}: the benchmark's in float: {judged(theirs, len(pcm), words)}")
    print(
        f"{name}: scores differ by {both.mean():.4f} on average; "
        f"{np.mean(both > 0.1):.2%} of the windows by more than 0.1",
        flush=True,
    )


def main(folder: Path) -> None:
    """Prints accuracy and costs."""
    model = (folder / "trained_models" / "str_ww_ref_model.tflite").read_bytes()
    metadata = Metadata(
        preset("streaming_wakeword"), Detect({"marvin": THRESHOLD}), Deploy(1), CLASSES, "sww"
    )
    data = write_metadata(model, metadata)
    easy = soundfile.read(folder / SHORT, dtype="int16")[0][:, 0]
    bad = {Path(line).stem for line in (folder / "bad_marvin_files.txt").read_text().split()}
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "sww.tflite"
        file.write_bytes(data)
        costs(data, file, easy[: 4 * RATE])
    accuracy(model, data, SHORT, easy, SHORT_WORDS)
    accuracy(model, data, "assembled stream", *stream(bad))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
