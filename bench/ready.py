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

Commands (yes, no, on, off) are listened for when they are said alone: their takes stand between
pauses. Each class has the lowest threshold at which it makes at most one event on streams that do
not train: three readers, half of ESC-10's fold 2, a part of kitchen20, and words and digits by
people who do not train. Of several smoothings, the one is taken that then hears most held takes.
bench/false_alarms.py and bench/keywords.py count on others: bench/parts.py says which.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
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
from otolith.listen.heard import Heard, score
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
SMOOTHINGS = (2, 3, 4, 6)  # hops
THRESHOLDS = [round(0.3 + 0.02 * n, 2) for n in range(30)] + [
    *(round(0.9 + 0.01 * n, 2) for n in range(9)),
    *(0.99, 0.993, 0.996, 0.998),
]
# Of mining: epochs after each, windows, least score, frames between windows.
ROUNDS, SHORT_ROUNDS, HARD, ALIKE, STEP = (8, 8, 24), (8, 8), 4000, 0.2, 8
BEFORE = {"on_off": "keyword"}  # whose weights a model goes on from, in SHORT epochs
SHORT, MOST = 20, 40
READERS = 5  # of the eight that do not test; the others choose thresholds
# Voices of Kokoro that say something else (docs/voices.md).
NO_WORDS = {
    "off": {
        f"kokoro_{voice}"
        for voice in ("af_sky", "am_eric", "bf_alice", "ef_dora", "if_sara", "im_nicola", "pf_dora")
    }
}
COMMANDS, TIMES = ("yes", "no", "on", "off"), 3  # heard when said alone, and recorded so many times
PEOPLE = "people"
Rule = tuple[Detect, Sequence[str]]  # of decide(): settings and classes
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
    that speaks, or "people", "speech", "sound". alone: Whether an item stands between pauses.
    """

    streams: Streams
    names: np.ndarray
    groups: np.ndarray
    alone: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


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


def lonely() -> Iterator[tuple[str, str, Item]]:
    """Short commands and all other words, each said alone. Commands come several times."""
    for name, group, item in items():
        if name in COMMANDS:
            for _ in range(TIMES):
                yield name, group, item
        elif name:
            yield name, group, item
    for sound in noises(False)[:200]:  # to be heard behind the words
        yield "", "sound", Item(read_pcm(sound, resample=True)[:RATE], OTHER, sound.stem, False)


def part(name: str, source: Iterator[tuple[str, str, Item]] | None, alone: bool) -> Words:
    """Streams of a name, recorded now unless they were before."""
    file, listed = base_word.OUT / f"{name}.npz", base_word.OUT / f"{name}.json"
    if not file.exists():
        told: list[tuple[str, str]] = []
        takes = []
        numbers: dict[tuple[str, str], int] = {}
        for word, group, item in source or ():
            if item.label > OTHER:
                if (word, group) not in numbers:
                    told.append((word, group))
                    numbers[word, group] = len(told)
                item = dataclasses.replace(item, label=numbers[word, group])
            takes.append(item)
        streams = base_word.record(takes, alone)
        listed.write_text(json.dumps(told), encoding="utf-8")
        np.savez(file, **dataclasses.asdict(streams))
    streams = stored(file)
    told = json.loads(listed.read_text(encoding="utf-8"))
    beside = {OTHER: ("", "sound"), UNNAMED: ("", "speech")}
    both = [beside[n] if n <= OTHER else told[n - 1] for n in streams.labels.tolist()]
    return Words(
        streams,
        np.array([n for n, _ in both]),
        np.array([g for _, g in both]),
        np.full(len(both), alone),
    )


def recorded(alone: bool = False) -> Words:
    """The streams. alone: Also those in which every word stands alone."""
    first = part("ready", items(), False)
    if not alone:
        return first
    second, shift = part("alone", lonely(), True), len(first.streams.values)
    a, b = first.streams, second.streams
    streams = Streams(
        np.concatenate([a.values, b.values]),
        np.concatenate([a.first, b.first + shift]),
        np.concatenate([a.last, b.last + shift]),
        np.concatenate([a.labels, b.labels]),
        np.concatenate([a.validate, b.validate]),
        a.taught,
        a.at,
        a.embeddings,
    )
    return Words(
        streams,
        np.concatenate([first.names, second.names]),
        np.concatenate([first.groups, second.groups]),
        np.concatenate([first.alone, second.alone]),
    )


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
        elif words.alone.any():  # a command is said alone; within a sentence it is none
            said &= words.alone
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


def played(files: list[Path], gap_s: float) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Recordings in a row with a quiet room between them, and seconds of each."""
    rng = np.random.default_rng(1)
    parts, spans, at = [], [], 0
    for file in files:
        room = rng.normal(0, 3, round(gap_s * RATE)).astype(np.int16)
        pcm = read_pcm(file, resample=True)
        parts += [room, pcm]
        spans.append(((at + len(room)) / RATE, (at + len(room) + len(pcm)) / RATE))
        at += len(room) + len(pcm)
    return np.concatenate([*parts, np.zeros(RATE, np.int16)]), spans


def found(heard: Heard, spans: list[tuple[float, float]], word: str, rule: Rule) -> int:
    """How many takes that were played make an event of their word."""
    events = [e for e in decide(heard, *rule) if e.label == word]
    return sum(
        any(start * 1000 <= e.t_ms <= stop * 1000 + 600 for e in events) for start, stop in spans
    )


def choosing(words: set[str]) -> list[np.ndarray]:
    """Streams on which thresholds are chosen: quiet ones, and other words said alone by people who
    do not train: of Speech Commands, and every second digit of FSDD's.
    """
    streams = [
        np.concatenate([read_pcm(file, resample=True) for file in source.files])
        for source in quiet_streams()
    ]
    people = [
        f
        for folder in sorted((test_data() / "speech_commands").iterdir())
        if folder.name not in words
        for f in command_files(folder.name, "train")
        if held(f.stem.split("_")[0])
    ]
    return [*streams, played(people, 0.6)[0], played(fsdd_files("train")[1::2], 0.6)[0]]


def lowest(streams: list[Heard], base: Detect, classes: Sequence[str], events: float) -> Detect:
    """The lowest threshold of each class at which it makes at most so many events alone."""
    chosen = {}
    for label in base.thresholds:
        for threshold in THRESHOLDS:
            detect = dataclasses.replace(base, thresholds={label: threshold})
            if sum(len(decide(h, detect, classes)) for h in streams) <= events:
                break
        chosen[label] = threshold
    return dataclasses.replace(base, thresholds=chosen)


def some(files: list[Path], most: int) -> list[Path]:
    """At most so many of some files, chosen by chance."""
    order = np.random.default_rng(0).permutation(len(files))[:most]
    return [files[i] for i in sorted(order)]


def calibrated(tflite: bytes, console: Console) -> Detect:
    """Chooses smoothing and thresholds on takes and streams that do not train.

    Each class gets the lowest threshold at which it makes at most MOST_EVENTS alone. Of several
    smoothings, the one that then hears most takes is chosen.
    """
    metadata = read_metadata(tflite)
    assert metadata is not None
    classes, told = metadata.classes, set(metadata.detect.thresholds)
    heard = [score(Chain(tflite), [pcm]) for pcm in choosing(told)]
    hours = sum(h.seconds for h in heard) / 3600
    takes = {}
    for word in told:
        pcm, spans = played([f for f, voice, _ in spoken(word) if held(voice)], 1.5)
        takes[word] = score(Chain(tflite), [pcm]), spans
    best: tuple[int, Detect] | None = None
    for smoothing in SMOOTHINGS:
        base = dataclasses.replace(metadata.detect, smoothing=smoothing, minimum_count=smoothing)
        detect = lowest(heard, base, classes, MOST_EVENTS)
        events = sum(len(decide(h, detect, classes)) for h in heard)
        right = {w: found(h, spans, w, (detect, classes)) for w, (h, spans) in takes.items()}
        told_right = ", ".join(f"{w} {n} of {len(takes[w][1])}" for w, n in right.items())
        console.print(
            f"smoothing {smoothing}: {detect.thresholds}, {events} events in {hours:.2f} h, "
            f"{told_right}"
        )
        if best is None or sum(right.values()) > best[0]:
            best = sum(right.values()), detect
    assert best is not None
    return best[1]


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
        rounds = SHORT_ROUNDS if words.alone.any() else ROUNDS
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
    for name in sys.argv[1:]:
        spec = load(MODELS / name)
        words = recorded(alone=bool(set(COMMANDS) & set(spec.detect.thresholds)))
        make(spec, words, MODELS / name)


if __name__ == "__main__":
    main()
