"""Trains the ready models for words, as they are committed.

    python bench/base_sounds.py                       # other words
    python bench/ready.py keyword on_off micro_speech hey_otto

Needs $OTOLITH_DATA and $OTOLITH_VOICES: a folder for each word with files by `host data synth
keyword`, {engine}_{voice}_{number}.wav. Takes of people and of voices, other words, read speech and
other sounds are put into streams as in bench/base_word.py. Each epoch takes other windows of them.
Then the training streams are searched for windows that sound like a word and are none; they come
back in shorter trainings (ROUNDS). on_off goes on from keyword. The committed networks were trained
in several sittings with these numbers of epochs; the rounds looked at every third frame, the last
one at every 16th.

Each class has the lowest threshold at which it makes at most one event on streams that do not
train: three readers, half of ESC-10's fold 2 and a part of kitchen20.
bench/false_alarms.py and bench/keywords.py count on others: bench/parts.py says which.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import base_word
import numpy as np
from base_word import FRAMES, OTHER, UNNAMED, Item, Streams, at_frames, masked, trimmed, windows
from parts import command_files, esc_files, fsdd_files, kitchen_files, lent, speech_files
from rich.console import Console

from otolith.audio import RATE, read_pcm
from otolith.compile.metadata import read_metadata, write_metadata
from otolith.evaluate.recordings import Source
from otolith.features import extract, room_of
from otolith.listen.chain import Chain
from otolith.listen.decide import decide
from otolith.listen.heard import score
from otolith.paths import MODELS, test_data
from otolith.report.results import Metrics
from otolith.settings.detect import Detect
from otolith.settings.spec import Spec, load
from otolith.train.examples import Examples
from otolith.train.fit import Start, fit
from otolith.train.judge import judge
from otolith.train.mining import likeness
from otolith.train.prepare import Prepared
from otolith.train.progress import bars
from otolith.train.quantise import quantise
from otolith.train.save import save
from otolith.train.weights import weights_file

EPOCH = 12000  # windows
POSITIVE = 0.4  # share of an epoch's windows
MOST_EVENTS = 1  # of a class alone in the streams on which thresholds are chosen
THRESHOLDS = [round(0.3 + 0.02 * n, 2) for n in range(30)] + [
    round(0.9 + 0.01 * n, 2) for n in range(10)
]
# Of mining: epochs after each, windows, least score, frames between windows.
ROUNDS, HARD, ALIKE, STEP = (8, 8, 24), 4000, 0.2, 8
BEFORE = {"on_off": "keyword"}  # whose weights a model goes on from, in SHORT epochs
SHORT, MOST = 12, 40
READERS = 5  # of the eight that do not test; the others choose thresholds
# Voices of Kokoro that say something else (docs/voices.md).
NO_WORDS = {
    "off": {
        f"kokoro_{voice}"
        for voice in ("af_sky", "am_eric", "bf_alice", "ef_dora", "if_sara", "im_nicola", "pf_dora")
    }
}
PEOPLE = "people"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DATA = "people's takes, synthetic voices and real sounds (models/README.md)"


def voices() -> Path:
    """The folder of synthetic words."""
    return Path(os.environ["OTOLITH_VOICES"])


def spoken(word: str) -> Iterator[tuple[Path, str, str]]:
    """A word's takes that do not test: file, who speaks, and the engine or "people"."""
    for file in sorted((voices() / word).glob("*.wav")):
        voice = re.sub(r"_\d+$", "", file.stem)
        if voice not in NO_WORDS.get(word, ()):
            yield file, voice, voice.split("_")[0]
    if (test_data() / "speech_commands" / word).is_dir():
        for file in command_files(word, "train"):
            yield file, file.stem.split("_")[0], PEOPLE


def held(speaker: str) -> bool:
    """Whether a voice or person validates and chooses thresholds, and does not train."""
    return lent(speaker, 0, 1)


@dataclass
class Words:
    """Streams. names: What each item says; "" is sound or speech without a name. groups: The engine
    that speaks, or "people", "speech", "sound".
    """

    streams: Streams
    names: np.ndarray
    groups: np.ndarray


def others() -> Iterator[tuple[str, str, Item]]:
    """Words by people and voices that no ready model listens for: name, group, take."""
    for file in sorted((base_word.OUT / "words").glob("*.npz")):
        with np.load(file) as takes:
            for key in takes.files[:3]:
                voice = key.split(" ", 1)[1]
                yield file.stem, "espeak-ng", Item(takes[key], 1, voice, held(voice))
    folders = [
        *(sorted((test_data() / "own_words" / w).glob("*.ogg"))[:80] for w in ("athena", "amelia")),
        *(
            sorted((test_data() / "wake_words" / w).glob("*.flac"))[:60]
            for w in ("alexa", "jarvis", "snowboy")
        ),
        *(
            sorted((test_data() / "arabic_words" / w).glob("*_NO_0[13].ogg"))
            for w in ("close", "enter", "record")
        ),
    ]
    for files in folders:
        for file in files:
            pcm = trimmed(read_pcm(file, resample=True))
            yield file.parent.name + "*", PEOPLE, Item(pcm, 1, file.stem, held(file.stem))
    for file in fsdd_files("train")[::2]:
        pcm = trimmed(read_pcm(file, resample=True))
        yield DIGITS[int(file.name[0])] + "*", PEOPLE, Item(pcm, 1, file.stem, held(file.stem))


def items() -> Iterator[tuple[str, str, Item]]:
    """Words, sounds and speech that train or validate."""
    names = {f.name for f in voices().iterdir() if f.is_dir()}
    names |= {f.name for f in (test_data() / "speech_commands").iterdir()}
    for name in sorted(names):
        for file, speaker, group in spoken(name):
            pcm = trimmed(read_pcm(file, resample=True))
            yield name, group, Item(pcm, 1, speaker, held(speaker))
    yield from others()
    rng = np.random.default_rng(5)
    for sound in noises(False):
        pcm = read_pcm(sound, resample=True)
        yield "", "sound", Item(pcm, OTHER, sound.stem, lent(sound.stem, 0, 1))
    for reader in speech_files("train")[:READERS]:
        pcm = read_pcm(reader, resample=True)
        for start in rng.integers(0, len(pcm) - 4 * RATE, 140):
            piece = pcm[start : start + 4 * RATE]
            yield "", "speech", Item(piece, UNNAMED, reader.stem, int(rng.integers(20)) == 0)


def stored(file: Path) -> Streams:
    """Streams that were recorded before."""
    with np.load(file) as arrays:
        return Streams(**{key: arrays[key] for key in arrays.files})


def recorded() -> Words:
    """The streams, recorded now unless they were before."""
    file, listed = base_word.OUT / "ready.npz", base_word.OUT / "ready.json"
    if not file.exists():
        told: list[tuple[str, str]] = []
        takes = []
        numbers: dict[tuple[str, str], int] = {}
        for name, group, item in items():
            if item.label > OTHER:
                if (name, group) not in numbers:
                    told.append((name, group))
                    numbers[name, group] = len(told)
                item = dataclasses.replace(item, label=numbers[name, group])
            takes.append(item)
        streams = base_word.record(takes)
        listed.write_text(json.dumps(told), encoding="utf-8")
        np.savez(file, **dataclasses.asdict(streams))
    streams = stored(file)
    told = json.loads(listed.read_text(encoding="utf-8"))
    beside = {OTHER: ("", "sound"), UNNAMED: ("", "speech")}
    both = [beside[n] if n <= OTHER else told[n - 1] for n in streams.labels.tolist()]
    return Words(streams, np.array([n for n, _ in both]), np.array([g for _, g in both]))


@dataclass
class Choice:
    """Windows for one model.

    stray: Frames where windows of anything else may begin. silent: Frames where nobody speaks.
    hard: Those of `stray` that a network took for a word.
    """

    spec: Spec
    words: Words
    stray: np.ndarray
    silent: np.ndarray
    hard: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    known: dict[tuple[str, bool], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @property
    def told(self) -> list[str]:
        """Classes that make events."""
        return [c for c in self.spec.model.classes if c in self.spec.detect.thresholds]

    def rows(self, label: str, validate: bool) -> tuple[np.ndarray, np.ndarray]:
        """Items that say a word ("": another word), and how often each of them is drawn."""
        if (label, validate) in self.known:
            return self.known[label, validate]
        words = self.words
        said = words.names == label if label else ~np.isin(words.names, self.told)
        if not label:
            said &= words.groups != "sound"
        rows = np.flatnonzero(said & (words.streams.validate == validate))
        groups, where, counts = np.unique(
            words.groups[rows], return_inverse=True, return_counts=True
        )
        weight = np.sqrt(counts) / counts * np.where(np.isin(groups, (PEOPLE, "kokoro")), 2, 1)
        chance = weight[where]
        self.known[label, validate] = rows, chance / chance.sum()
        return self.known[label, validate]

    def draw(self, count: int, rng: np.random.Generator, validate: bool) -> Examples:
        """Draws windows: words whole, everything else at any place."""
        classes, streams = self.spec.model.classes, self.words.streams
        parts, labels = [], []
        each = round(count * POSITIVE / len(self.told))
        for label in self.told:
            rows, chance = self.rows(label, validate)
            parts.append(windows(streams, rng.choice(rows, each, p=chance), rng))
            labels += [classes.index(label)] * each
        rest = count - len(labels)
        if "silence" in classes:
            starts = rng.choice(self.silent, rest // 4)
            parts.append(at_frames(streams, starts))
            labels += [classes.index("silence")] * len(starts)
            rest -= len(starts)
        mined = rest // 3 if len(self.hard) and not validate else 0
        rows, chance = self.rows("", validate)
        rows = rng.choice(rows, (rest - mined) // 2, p=chance)
        first, last = streams.first[rows] - 15, streams.last[rows] - 34
        begin = np.floor(first + rng.random(len(rows)) * np.maximum(last - first, 1)).astype(int)
        parts.append(at_frames(streams, np.clip(begin, 0, len(streams.values) - FRAMES)))
        parts.append(at_frames(streams, rng.choice(self.stray, rest - mined - len(rows))))
        if mined:
            parts.append(at_frames(streams, rng.choice(self.hard, mined)))
        labels += [classes.index("unknown")] * rest
        values = np.concatenate(parts)
        if not validate:
            masked(values, rng)
        return Examples(values, np.array(labels), np.arange(len(values)))

    def mine(self, model: object) -> int:
        """Searches the training streams for windows that a network takes for a word."""
        targets = tuple(self.spec.model.classes.index(c) for c in self.told)
        starts = self.stray[self.stray % STEP == 0]
        scores = np.concatenate(
            [
                likeness(
                    model,
                    at_frames(self.words.streams, starts[at : at + 4096]),
                    self.spec.features,
                    targets,
                )
                for at in range(0, len(starts), 4096)
            ]
        )
        best = np.argsort(-scores)[:HARD]
        best = best[scores[best] > ALIKE]
        self.hard = np.unique(np.concatenate([self.hard, starts[best]]))
        return len(best)


class Drawn:
    """Other windows in every epoch. turn: Of mining."""

    def __init__(self, choice: Choice, turn: int) -> None:
        self.choice, self.turn = choice, turn

    def epoch(self, number: int) -> Examples:
        """The windows of an epoch, counted from 0."""
        return self.choice.draw(EPOCH, np.random.default_rng((21, self.turn, number)), False)


def choice_of(spec: Spec, words: Words) -> Choice:
    """Where windows of a model come from."""
    streams = words.streams
    free = np.ones(len(streams.values), bool)
    silent = np.ones(len(streams.values), bool)
    named = np.isin(words.names, list(spec.detect.thresholds))
    for row in np.flatnonzero(named | streams.validate):
        free[max(0, streams.first[row] - FRAMES) : streams.last[row] + 1] = False
    for row in np.flatnonzero((words.groups != "sound") | streams.validate):
        silent[max(0, streams.first[row] - FRAMES) : streams.last[row] + 1] = False
    free[-FRAMES:] = silent[-FRAMES:] = False
    return Choice(spec, words, np.flatnonzero(free), np.flatnonzero(silent))


def test_examples(spec: Spec) -> Examples:
    """Real takes of Speech Commands speakers that test; all other words are unknown."""
    classes, values, labels = spec.model.classes, [], []
    files = []
    for folder in sorted((test_data() / "speech_commands").iterdir()):
        known = folder.name in spec.detect.thresholds
        label = folder.name if known else "unknown"
        files += [(f, label) for f in command_files(folder.name, "test")[: None if known else 12]]
    if "silence" in classes:
        files += [(f, "silence") for f in esc_files("test")]
    for file, label in files:
        pcm = read_pcm(file, resample=True)
        room = room_of(pcm, RATE)  # the word's own, in which the front end settles
        features = extract(np.concatenate([room, pcm, room]), spec.features)
        middle = (RATE + len(pcm) // 2) // spec.features.hop - FRAMES // 2
        values.append(features[middle : middle + FRAMES])
        labels.append(classes.index(label))
    return Examples(np.array(values), np.array(labels), np.arange(len(values)))


def chooses(file: Path) -> bool:
    """Whether a sound of ESC-10 chooses thresholds: half of fold 2, by recording."""
    return file.name[0] == "2" and zlib.crc32(file.name.split("-")[1].encode()) % 2 == 0


def noises(calibrate_: bool) -> list[Path]:
    """Sounds that are no speech: those that choose thresholds, or those that train."""
    kitchen = [f for f in kitchen_files("train") if lent(f.name.split("-")[1], 4, 5) == calibrate_]
    return [*(f for f in esc_files("train") if chooses(f) == calibrate_), *kitchen]


def quiet_streams() -> list[Source]:
    """What thresholds are chosen on."""
    readers = speech_files("train")[READERS:]
    return [*(Source((file,)) for file in readers), Source(tuple(noises(True)))]


def calibrated(tflite: bytes, console: Console) -> Detect:
    """The lowest threshold of each class at which it makes at most MOST_EVENTS alone."""
    metadata = read_metadata(tflite)
    assert metadata is not None
    heard = [
        score(Chain(tflite), [read_pcm(file, resample=True) for file in source.files])
        for source in quiet_streams()
    ]
    hours = sum(h.seconds for h in heard) / 3600
    found = {}
    for label in metadata.detect.thresholds:
        for threshold in THRESHOLDS:
            detect = dataclasses.replace(metadata.detect, thresholds={label: threshold})
            events = sum(len(decide(h, detect, metadata.classes)) for h in heard)
            if events <= MOST_EVENTS:
                break
        found[label] = threshold
        console.print(f"{label}: threshold {threshold}, {events} events in {hours:.2f} h")
    return dataclasses.replace(metadata.detect, thresholds=found)


def schedule_of(spec: Spec) -> Spec:
    """A spec with the length of training that is used here."""
    train = dataclasses.replace(spec.train, batch=128, epochs=min(spec.train.epochs, MOST))
    before = MODELS / BEFORE.get(spec.model.name, "none")
    if weights_file(before, before.name).exists():
        train = dataclasses.replace(
            train, base=str(before), head_epochs=1, epochs=SHORT, learning_rate=0.0005
        )
    return dataclasses.replace(spec, train=train)


def make(spec: Spec, words: Words, out: Path) -> Metrics:
    """Trains a model, chooses its thresholds and writes its files."""
    console = Console(width=100)
    spec = schedule_of(spec)
    chosen = choice_of(spec, words)
    train = chosen.draw(EPOCH, np.random.default_rng(20), False)
    validate = chosen.draw(2000, np.random.default_rng(22), True)
    real = {f.name for f in (test_data() / "speech_commands").iterdir()}
    heard = real & set(spec.detect.thresholds)
    test = test_examples(spec) if heard else chosen.draw(2000, np.random.default_rng(23), True)
    start = None
    with bars(console) as progress:
        rounds = ROUNDS if spec.model.name not in BEFORE else ROUNDS[:1]
        for turn, epochs in enumerate((0, *rounds)):
            if epochs:  # a training that goes on has a quarter of the epochs
                longer = dataclasses.replace(spec.train, epochs=4 * epochs)
                spec = dataclasses.replace(spec, train=longer)
            prepared = Prepared(spec, train, validate, test, Drawn(chosen, turn))  # type: ignore[arg-type]
            fitted = fit(prepared, progress, start=start)
            console.print(
                f"{spec.model.name}: {fitted.best_accuracy:.1%} of validation windows, "
                f"{fitted.seconds:.0f} s"
            )
            if turn < len(rounds):
                found = chosen.mine(fitted.trained)
                console.print(f"mining: {found} windows sound like a word")
                start = Start(fitted.trained.get_weights(), out / "spec.toml")
        tflite = quantise(prepared, fitted, progress)
    metadata = read_metadata(tflite)
    assert metadata is not None
    spec = dataclasses.replace(spec, detect=calibrated(tflite, console))
    metadata = dataclasses.replace(metadata, detect=spec.detect, other={"data": DATA})
    tflite = write_metadata(tflite, metadata)
    with bars(console) as progress:
        prepared = dataclasses.replace(prepared, spec=spec)
        judged = judge(prepared, fitted, tflite, progress)
    judged = dataclasses.replace(judged, metrics=dataclasses.replace(judged.metrics, data=DATA))
    save(prepared, fitted, tflite, judged, out)
    metrics = judged.metrics
    console.print(
        f"{spec.model.name}: {metrics.macs:,} MACs, {metrics.weights_bytes:,} bytes of weights; "
        f"{metrics.int8_accuracy:.1%} of {len(test.labels)} test windows; {spec.detect.thresholds}"
    )
    return metrics


def main() -> None:
    words = recorded()
    for name in sys.argv[1:]:
        make(load(MODELS / name), words, MODELS / name)


if __name__ == "__main__":
    main()
