"""Spoken digits of FSDD on a base for words, leaving one speaker out in turn.

    python bench/digits.py m          # on models/base_word/m
    python bench/digits.py m theo     # one speaker

Training: the other four speakers, and the digits by synthetic voices ($OTOLITH_VOICES, as for
bench/ready.py) and by people of Speech Commands, limited to 4 kHz as FSDD is. All play in rooms, in
noise and through microphones. Test: every clip of the speaker who was left out, as it is, after the
quietest parts of itself. The network is int8 and runs in the project's C engine. The base met no
clip of FSDD.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import base_word
import numpy as np
import ready
import soxr
from base_word import FRAMES, Item, masked, record, stored_items, trimmed, windows
from parts import command_files
from ready import DIGITS, Words

from otolith.audio import RATE, read_pcm
from otolith.features import extract, room_of
from otolith.paths import MODELS, ROOT, test_data
from otolith.settings.spec import Spec, load
from otolith.train.examples import Examples
from otolith.train.fit import fit
from otolith.train.judge import judge
from otolith.train.prepare import Prepared
from otolith.train.quantise import quantise

SPEAKERS = ("george", "jackson", "nicolas", "theo", "yweweler")
EPOCH, REAL = 8000, 0.6  # windows of an epoch, and the share of FSDD's own
EPOCHS = 24
OUT = ROOT / "build" / "digits"
BESIDE = (len(SPEAKERS), len(SPEAKERS) + 1)  # "speakers" who always train: voices, Speech Commands


def spec_of(size: str) -> Spec:
    """models/digits on a base: its front end, a shorter training."""
    folder = MODELS / "base_word" / size
    spec, base = load(MODELS / "digits"), load(folder)
    train = dataclasses.replace(
        load(MODELS / "hey_otto").train,
        base=str(folder),
        epochs=EPOCHS,
        learning_rate=0.002,
        dropout=0.2,
        smoothing=0.05,
    )
    return dataclasses.replace(spec, features=base.features, train=train)


class Drawn:
    """Other windows in every epoch."""

    def __init__(self, sources: list[tuple[Words, np.ndarray, float]]) -> None:
        self.sources = sources

    def draw(self, count: int, rng: np.random.Generator, plain: bool = False) -> Examples:
        """Draws windows of all digits alike. plain: Without masks."""
        parts, labels = [], []
        for words, rows, share in self.sources:
            for number, name in enumerate(DIGITS):
                mine = rows[words.names[rows] == name]
                chosen = rng.choice(mine, round(count * share / 10))
                parts.append(windows(words.streams, chosen, rng))
                labels += [number] * len(chosen)
        values = np.concatenate(parts)
        return Examples(
            values if plain else masked(values, rng), np.array(labels), np.arange(len(values))
        )

    def epoch(self, number: int) -> Examples:
        """The windows of an epoch, counted from 0."""
        return self.draw(EPOCH, np.random.default_rng((31, number)))


def heard(files: list[Path], spec: Spec) -> Examples:
    """The clips of a speaker, each in a quiet room: the window around its middle."""
    values, labels = [], []
    for file in files:
        pcm = read_pcm(file, resample=True)
        room = room_of(pcm, 2 * RATE)  # the clip's own, in which the front end settles
        features = extract(np.concatenate([room, pcm, room[:RATE]]), spec.features)
        middle = (2 * RATE + len(pcm) // 2) // spec.features.hop - FRAMES // 2
        values.append(features[middle : middle + FRAMES])
        labels.append(int(file.name[0]))
    return Examples(np.array(values), np.array(labels), np.arange(len(values)))


def wav(file: Path) -> np.ndarray:
    """A recording, int16 at 16 kHz."""
    return read_pcm(file, resample=True)


def narrow(pcm: np.ndarray) -> np.ndarray:
    """Without what lies above 4 kHz: FSDD was recorded at 8 kHz."""
    return soxr.resample(soxr.resample(pcm, RATE, RATE // 2), RATE // 2, RATE)


def recordings() -> tuple[Words, np.ndarray]:
    """FSDD and what trains beside it in streams, and the speaker of each item."""
    file = base_word.OUT / "fsdd.npz"
    if not file.exists():
        items = [
            Item(trimmed(wav(f)), 1 + int(f.name[0]) + 10 * number, name, False)
            for number, name in enumerate(SPEAKERS)
            for f in sorted((test_data() / "fsdd").glob(f"*_{name}_*.wav"))
        ]
        for number, word in enumerate(DIGITS):
            voices = sorted((ready.voices() / word).glob("*.wav"))
            people = [f for part in ("train", "test") for f in command_files(word, part)]
            for group, files in zip(BESIDE, (voices, people), strict=True):
                label = 1 + number + 10 * group
                items += [Item(narrow(trimmed(wav(f))), label, f.stem, False) for f in files]
        noises = stored_items(ready.noises(False)[:120])
        np.savez(file, **dataclasses.asdict(record([*items, *noises])))
    streams = ready.stored(file)
    numbers = streams.labels - 1
    names = np.array([DIGITS[n % 10] if n >= 0 else "" for n in numbers])
    return Words(streams, names, np.zeros(0, str)), np.where(numbers >= 0, numbers // 10, -1)


def main() -> None:
    size = sys.argv[1] if len(sys.argv) > 1 else "m"
    spec = spec_of(size)
    own, speaker = recordings()
    shares = []
    for number, name in enumerate(SPEAKERS):
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        people = (speaker != number) & (speaker >= 0) & ~np.isin(speaker, BESIDE)
        drawn = Drawn(
            [
                (own, np.flatnonzero(people), REAL),
                (own, np.flatnonzero(np.isin(speaker, BESIDE)), 1 - REAL),
            ]
        )
        rng = np.random.default_rng(30)
        test = heard(sorted((test_data() / "fsdd").glob(f"*_{name}_*.wav")), spec)
        prepared = Prepared(
            spec,
            drawn.draw(EPOCH, rng),
            drawn.draw(1000, rng, plain=True),
            test,
            drawn,  # type: ignore[arg-type]
        )
        fitted = fit(prepared)
        tflite = quantise(prepared, fitted)
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / f"without_{name}.tflite").write_bytes(tflite)
        metrics = judge(prepared, fitted, tflite).metrics
        shares.append(metrics.clip_accuracy)
        print(
            f"without {name}: {metrics.clip_accuracy:.1%} of {len(test.labels)} clips int8, "
            f"{metrics.float_clip_accuracy:.1%} float; {metrics.weights_bytes:,} bytes of weights, "
            f"arena {metrics.arena_bytes:,}, {metrics.macs:,} MACs",
            flush=True,
        )
    print(
        f"digits on base_word/{size}: mean {np.mean(shares):.1%}, worst {min(shares):.1%}; one seed"
    )


if __name__ == "__main__":
    main()
