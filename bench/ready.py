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
from otolith.features import extract
from otolith.listen.chain import Chain
from otolith.listen.decide import decide
from otolith.listen.heard import Heard, score
from otolith.paths import MODELS
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
NEVER = -2  # label: another class's word, cut at any place
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)


def voices() -> Path:
    """The folder of synthetic words."""
    return Path(os.environ["OTOLITH_VOICES"])


def spoken(names: list[str]) -> list[Item]:
    """The words of all ready models by synthetic voices, and speech that trains."""
    found = []
    for number, name in enumerate(names):
        for file in sorted((voices() / name).glob("*.wav")):
            voice = re.sub(r"_\d+$", "", file.stem)
            pcm = trimmed(read_pcm(file, resample=True))
            found.append(Item(pcm, number + 1, voice, lent(voice, 0, 1)))
        if (base_word.test_data() / "speech_commands" / name).is_dir():
            for file in command_files(name, "train"):
                speaker = file.stem.split("_")[0]
                pcm = trimmed(read_pcm(file, resample=True))
                found += [Item(pcm, number + 1, speaker, lent(speaker, 0, 1))] * 2
    return found


@dataclass
class Choice:
    """Windows of streams for one model: `streams` holds its words, `others` everything else."""

    spec: Spec
    streams: Streams
    labels: np.ndarray
    others: Streams
    stray: np.ndarray

    def draw(self, count: int, rng: np.random.Generator, validate: bool) -> Examples:
        """Draws windows: words whole, everything else at any place."""
        classes = self.spec.model.classes
        parts, labels = [], []
        told = [i for i, c in enumerate(classes) if c in self.spec.detect.thresholds]
        for number in told:
            mine = np.flatnonzero((self.labels == number) & (self.streams.validate == validate))
            rows = rng.choice(mine, round(count * POSITIVE / len(told)))
            parts.append(windows(self.streams, rows, rng))
            labels += [number] * len(rows)
        rest = count - len(labels)
        quiet = [i for i, c in enumerate(classes) if c not in self.spec.detect.thresholds][-1]
        near = np.flatnonzero((self.labels < 0) & (self.streams.validate == validate))
        rows = rng.choice(near, rest // 2)
        first, last = self.streams.first[rows] - 15, self.streams.last[rows] - 34
        begin = np.floor(first + rng.random(len(rows)) * (np.maximum(last - first, 1))).astype(int)
        starts = rng.choice(self.stray, rest - len(rows))
        parts += [at_frames(self.streams, begin), at_frames(self.others, starts)]
        labels += [quiet] * rest
        values = np.concatenate(parts)
        if not validate:
            masked(values, rng)
        return Examples(values, np.array(labels), np.arange(len(values)))


class Drawn:
    """Other windows in every epoch."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice

    def epoch(self, number: int) -> Examples:
        """The windows of an epoch, counted from 0."""
        return self.choice.draw(EPOCH, np.random.default_rng((21, number)), False)


def choice_of(spec: Spec, names: list[str], streams: Streams, others: Streams) -> Choice:
    """Labels of a model for items of streams; where windows of `others` may begin."""
    classes = spec.model.classes
    label = {i + 1: classes.index(n) if n in classes else NEVER for i, n in enumerate(names)}
    labels = np.array([label.get(int(n), NEVER) for n in streams.labels])
    every = base_word.words()
    free = np.ones(len(others.values), bool)
    for number, name in enumerate(every):
        if name in spec.detect.thresholds or number == OTHER:
            for row in np.flatnonzero(others.labels == number):
                free[max(0, others.first[row] - base_word.FRAMES) : others.last[row] + 1] = False
    for row in np.flatnonzero(others.validate | (others.labels == UNNAMED)):
        free[max(0, others.first[row] - base_word.FRAMES) : others.last[row] + 1] = False
    free[-base_word.FRAMES :] = False
    return Choice(spec, streams, labels, others, np.flatnonzero(free))


def test_examples(spec: Spec) -> Examples:
    """Real takes of Speech Commands speakers that test; all other words are unknown."""
    classes, values, labels = spec.model.classes, [], []
    folders = sorted((base_word.test_data() / "speech_commands").iterdir())
    for folder in folders:
        known = folder.name in spec.detect.thresholds
        for file in command_files(folder.name, "test")[: None if known else 12]:
            pcm = read_pcm(file, resample=True)
            lead = np.random.default_rng(1).normal(0, 3, RATE).astype(np.int16)
            pcm = np.concatenate([lead, pcm, lead])
            features = extract(pcm, spec.features)
            middle = len(features) // 2 - base_word.FRAMES // 2
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


def make(name: str, names: list[str], streams: Streams, others: Streams) -> None:
    """Trains a model, chooses its thresholds and writes its files."""
    console = Console(width=100)
    spec = load(MODELS / name)
    chosen = choice_of(spec, names, streams, others)
    train = chosen.draw(EPOCH, np.random.default_rng(20), False)
    validate = chosen.draw(2000, np.random.default_rng(22), True)
    has_real = any(
        c in spec.detect.thresholds for c in os.listdir(base_word.test_data() / "speech_commands")
    )
    test = test_examples(spec) if has_real else chosen.draw(2000, np.random.default_rng(23), True)
    prepared = Prepared(spec, train, validate, test, Drawn(chosen))  # type: ignore[arg-type]
    with bars(console) as progress:
        fitted = fit(prepared, progress)
        tflite = quantise(prepared, fitted, progress)
        detect = calibrated(spec, tflite, console)
        spec = dataclasses.replace(spec, detect=detect)
        prepared = dataclasses.replace(prepared, spec=spec)
        tflite = quantise(prepared, fitted, progress)
        judged = judge(prepared, fitted, tflite, progress)
    save(prepared, fitted, tflite, judged, MODELS / name)
    metrics = judged.metrics
    console.print(
        f"{name}: {metrics.macs:,} MACs, {metrics.weights_bytes:,} bytes of weights; windows of "
        f"the test {metrics.int8_accuracy:.1%}; thresholds {detect.thresholds}"
    )


def stored(file: Path) -> Streams:
    """Streams that were recorded before."""
    with np.load(file) as arrays:
        return Streams(**{key: arrays[key] for key in arrays.files})


def main() -> None:
    names = sorted(f.name for f in voices().iterdir() if f.is_dir())
    file = base_word.OUT / "ready.npz"
    if not file.exists():
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
        np.savez(file, **dataclasses.asdict(record(everything)))
    streams, others = stored(file), stored(base_word.OUT / "streams.npz")
    for name in sys.argv[1:]:
        make(name, names, streams, others)


if __name__ == "__main__":
    main()
