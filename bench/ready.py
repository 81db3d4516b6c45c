"""Trains the ready models for words that stand on base_word, as they are committed.

    python bench/base_sounds.py                       # other words
    python bench/ready.py hey_otto keyword on_off

Needs $OTOLITH_DATA and $OTOLITH_VOICES: a folder for each word with files by `host data synth
keyword`, {voice}_{number}.wav. Words and negatives are put into streams as in bench/base_word.py.
Each epoch takes other windows of them. Thresholds are chosen on streams of two readers, of ESC-10's
fold 2 and of a part of kitchen20 that training left out; bench/false_alarms.py counts on others.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import base_word
import numpy as np
from base_word import OTHER, UNNAMED, Item, Streams, at_frames, masked, record, trimmed, windows
from parts import command_files, esc_files, kitchen_files, lent, speech_files
from rich.console import Console

from otolith.audio import RATE, read_pcm
from otolith.features import extract, room_of
from otolith.listen.chain import Chain
from otolith.listen.decide import decide
from otolith.listen.heard import Heard, score
from otolith.paths import MODELS, test_data
from otolith.report.results import Metrics
from otolith.settings.detect import Detect
from otolith.settings.spec import Spec, load
from otolith.train.examples import Examples
from otolith.train.fit import fit
from otolith.train.judge import judge
from otolith.train.prepare import Prepared
from otolith.train.progress import bars
from otolith.train.quantise import quantise
from otolith.train.save import save

EPOCH = 12000  # windows
POSITIVE = 0.3  # share of an epoch's windows
GOAL = 1.0  # events an hour at which thresholds are chosen
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)


def voices() -> Path:
    """The folder of synthetic words."""
    return Path(os.environ["OTOLITH_VOICES"])


def spoken(names: list[str]) -> list[Item]:
    """The words of all ready models by synthetic voices, and by people who train."""
    return [item for number, name in enumerate(names) for item in spoken_one(name, number + 1)]


def spoken_one(name: str, label: int) -> list[Item]:
    """All takes of a word."""
    found = []
    for file in sorted((voices() / name).glob("*.wav")):
        voice = re.sub(r"_\d+$", "", file.stem)
        pcm = trimmed(read_pcm(file, resample=True))
        found.append(Item(pcm, label, voice, lent(voice, 0, 1)))
    if (test_data() / "speech_commands" / name).is_dir():
        for file in command_files(name, "train"):
            speaker = file.stem.split("_")[0]
            pcm = trimmed(read_pcm(file, resample=True))
            found += [Item(pcm, label, speaker, lent(speaker, 0, 1))] * 2
    return found


@dataclass
class Words:
    """Streams of words. names: What each item says; "" is sound or speech without a name."""

    streams: Streams
    names: np.ndarray


@dataclass
class Choice:
    """Windows for one model.

    told: Rows of `words` with each class that makes events. near: Rows of other words and sounds.
    stray: Frames of `others`, where windows of anything else may begin. others: The streams of the
    base; its speech without a name and its noises, among which are those that choose thresholds,
    are left out.
    """

    spec: Spec
    words: Words
    others: Words
    stray: np.ndarray

    def rows(self, words: Words, label: str, validate: bool) -> np.ndarray:
        """Items that say a word."""
        return np.flatnonzero((words.names == label) & (words.streams.validate == validate))

    def draw(self, count: int, rng: np.random.Generator, validate: bool) -> Examples:
        """Draws windows: words whole, everything else at any place."""
        classes = self.spec.model.classes
        told = [c for c in classes if c in self.spec.detect.thresholds]
        quiet = [i for i, c in enumerate(classes) if c not in told][-1]
        parts, labels = [], []
        each = round(count * POSITIVE / len(told))
        for label in told:
            sources = [
                (words, self.rows(words, label, validate)) for words in (self.words, self.others)
            ]
            sources = [(words, rows) for words, rows in sources if len(rows)]
            shares = rng.multinomial(each, _shares([len(rows) for _, rows in sources]))
            for (words, rows), share in zip(sources, shares, strict=True):
                parts.append(windows(words.streams, rng.choice(rows, share), rng))
            labels += [classes.index(label)] * each
        rest = count - len(labels)
        streams = self.words.streams
        near = np.flatnonzero(~np.isin(self.words.names, told) & (streams.validate == validate))
        rows = rng.choice(near, rest // 2)
        first, last = streams.first[rows] - 15, streams.last[rows] - 34
        begin = np.floor(first + rng.random(len(rows)) * np.maximum(last - first, 1)).astype(int)
        starts = rng.choice(self.stray, rest - len(rows))
        parts += [at_frames(streams, begin), at_frames(self.others.streams, starts)]
        labels += [quiet] * rest
        values = np.concatenate(parts)
        if not validate:
            masked(values, rng)
        return Examples(values, np.array(labels), np.arange(len(values)))


def _shares(counts: list[int]) -> np.ndarray:
    roots = np.sqrt(counts)
    return roots / roots.sum()


class Drawn:
    """Other windows in every epoch."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice

    def epoch(self, number: int) -> Examples:
        """The windows of an epoch, counted from 0."""
        return self.choice.draw(EPOCH, np.random.default_rng((21, number)), False)


def choice_of(spec: Spec, words: Words, others: Words) -> Choice:
    """Where windows of a model come from."""
    streams = others.streams
    free = np.ones(len(streams.values), bool)
    named = np.isin(others.names, [*spec.detect.thresholds, ""])
    for row in np.flatnonzero(named | streams.validate):
        free[max(0, streams.first[row] - base_word.FRAMES) : streams.last[row] + 1] = False
    free[-base_word.FRAMES :] = False
    return Choice(spec, words, others, np.flatnonzero(free))


def test_examples(spec: Spec) -> Examples:
    """Real takes of Speech Commands speakers that test; all other words are unknown."""
    classes, values, labels = spec.model.classes, [], []
    folders = sorted((test_data() / "speech_commands").iterdir())
    for folder in folders:
        known = folder.name in spec.detect.thresholds
        for file in command_files(folder.name, "test")[: None if known else 12]:
            pcm = read_pcm(file, resample=True)
            room = room_of(pcm, RATE)  # the word's own, in which the front end settles
            features = extract(np.concatenate([room, pcm, room]), spec.features)
            middle = (RATE + len(pcm) // 2) // spec.features.hop - base_word.FRAMES // 2
            values.append(features[middle : middle + base_word.FRAMES])
            labels.append(classes.index(folder.name) if known else classes.index("unknown"))
    return Examples(np.array(values), np.array(labels), np.arange(len(values)))


def noises(calibrate: bool) -> list[Path]:
    """Sounds that are no speech: those that choose thresholds, or those that train."""
    kitchen = [f for f in kitchen_files("train") if lent(f.name.split("-")[1], 4, 5) == calibrate]
    return [*(f for f in esc_files("train") if (f.name[0] == "2") == calibrate), *kitchen]


def quiet_streams() -> list[np.ndarray]:
    """What thresholds are chosen on."""
    return [
        np.concatenate([read_pcm(file, resample=True) for file in group])
        for group in (speech_files("train")[6:], noises(True))
    ]


def calibrated(spec: Spec, tflite: bytes, console: Console) -> Detect:
    """The lowest thresholds, class by class, with at most GOAL events an hour altogether."""
    heard: list[Heard] = [score(Chain(tflite), [pcm]) for pcm in quiet_streams()]
    hours = sum(h.seconds for h in heard) / 3600
    thresholds = {}
    for label in spec.detect.thresholds:
        for threshold in THRESHOLDS:
            detect = dataclasses.replace(spec.detect, thresholds={label: threshold})
            events = sum(len(decide(h, detect, spec.model.classes)) for h in heard)
            if events / hours <= GOAL / len(spec.detect.thresholds):
                break
        thresholds[label] = threshold
        console.print(f"{label}: threshold {threshold}, {events} events in {hours:.2f} h")
    return dataclasses.replace(spec.detect, thresholds=thresholds)


def make(spec: Spec, words: Words, others: Words, out: Path) -> Metrics:
    """Trains a model, chooses its thresholds and writes its files."""
    console = Console(width=100)
    chosen = choice_of(spec, words, others)
    train = chosen.draw(EPOCH, np.random.default_rng(20), False)
    validate = chosen.draw(2000, np.random.default_rng(22), True)
    real = {f.name for f in (test_data() / "speech_commands").iterdir()}
    heard = real & set(spec.detect.thresholds)
    test = test_examples(spec) if heard else chosen.draw(2000, np.random.default_rng(23), True)
    prepared = Prepared(spec, train, validate, test, Drawn(chosen))  # type: ignore[arg-type]
    with bars(console) as progress:
        fitted = fit(prepared, progress)
        tflite = quantise(prepared, fitted, progress)
        detect = calibrated(spec, tflite, console)
        spec = dataclasses.replace(spec, detect=detect)
        prepared = dataclasses.replace(prepared, spec=spec)
        tflite = quantise(prepared, fitted, progress)
        judged = judge(prepared, fitted, tflite, progress)
    save(prepared, fitted, tflite, judged, out)
    metrics = judged.metrics
    console.print(
        f"{spec.model.name}: {metrics.macs:,} MACs, {metrics.weights_bytes:,} bytes of weights; "
        f"{metrics.int8_accuracy:.1%} of {len(test.labels)} test windows; {detect.thresholds}"
    )
    return metrics


def both_streams() -> tuple[Words, Words]:
    """The words of ready models, recorded now unless they were before, and the base's."""
    file, listed = base_word.OUT / "ready.npz", base_word.OUT / "ready.json"
    if not file.exists():
        names = sorted(f.name for f in voices().iterdir() if f.is_dir())
        listed.write_text(json.dumps(names), encoding="utf-8")
        np.savez(file, **dataclasses.asdict(record(items(names))))
    names = json.loads(listed.read_text(encoding="utf-8"))
    words, others = stored(file), stored(base_word.OUT / "streams.npz")
    every = base_word.words()
    said = np.array([names[n - 1] if n > 0 else "" for n in words.labels])
    beside = np.array([every[n] if n > 0 else "" for n in others.labels])
    return Words(words, said), Words(others, beside)


def items(names: list[str]) -> list[Item]:
    """Words, sounds and speech that train."""
    everything = spoken(names)
    rng = np.random.default_rng(5)
    for sound in noises(False):
        pcm = read_pcm(sound, resample=True)
        everything.append(Item(pcm, OTHER, sound.stem, lent(sound.stem, 0, 1)))
    for reader in speech_files("train")[:6]:
        pcm = read_pcm(reader, resample=True)
        for start in rng.integers(0, len(pcm) - 4 * RATE, 100):
            piece = pcm[start : start + 4 * RATE]
            everything.append(Item(piece, UNNAMED, reader.stem, int(rng.integers(20)) == 0))
    return everything


def stored(file: Path) -> Streams:
    """Streams that were recorded before."""
    with np.load(file) as arrays:
        return Streams(**{key: arrays[key] for key in arrays.files})


def main() -> None:
    words, others = both_streams()
    for name in sys.argv[1:]:
        make(load(MODELS / name), words, others, MODELS / name)


if __name__ == "__main__":
    main()
