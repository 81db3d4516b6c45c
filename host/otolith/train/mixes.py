"""Positives for learning from few takes: variants of each take, mixed into streams of other sound.

Each window is cut from a mix that began seconds before the take, as on the board. So a front end
that tracks the noise has settled by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from otolith.audio import RATE
from otolith.augment.base import FULL, Augmentation, Stock, Take, decibels, rms
from otolith.augment.registry import AUDIO, FEATURES, NAMES
from otolith.augment.settings import parse
from otolith.data.streams import Stream
from otolith.data.takes import Found
from otolith.features import extract
from otolith.settings.features import FrontEnd
from otolith.synth.backgrounds import coloured

SETTLE = 3 * RATE  # samples of the mix before the window
VARIANTS = 1200  # of all takes of a class together
LEAST_EACH, MOST_EACH = 8, 100  # of one take
LEVELS_DB = (-44.0, -14.0)  # dBFS, RMS of the take
IN_STREAM, STREAM_SNR_DB = 0.25, (3.0, 25.0)  # probability of other sound around the take
IN_NOISE, NOISE_SNR_DB = 0.75, (3.0, 40.0)
QUIET_DB = (-90.0, -65.0)  # dBFS of what is always there
JITTER = RATE // 5  # samples around the middle of the window
OVER = RATE * 6 // 100  # so much of a take may lie outside the window
AROUND = 3 * RATE // 10  # of the clip, around an untrimmed take
RING = RATE // 5  # of reverberation after a take
FADE = RATE // 100
LONG = 1.5  # windows; a longer take is a sound that goes on
BEDS = ("background", "noise")  # mixed around a take, not into it

# What each variant goes through; [augment.<name>] of the spec replaces a section.
RECIPE = {
    "speed": {"speed_percent": [-12, 14], "probability": 0.6},
    "tempo": {"tempo_percent": [-15, 20], "probability": 0.5},
    "microphone": {"eq_db": [-8, 8], "probability": 0.5},
    "room": {"probability": 0.35},
    "time_mask": {"count": [1, 2], "width_frames": [1, 6], "probability": 0.4},
    "frequency_mask": {"count": [1, 2], "width_bands": [1, 5], "probability": 0.4},
}


def recipe(sections: Sequence[Augmentation]) -> list[Augmentation]:
    """The augmentations of a take: RECIPE, with those of a spec in place of its own.

    `shift` and `gain` are left out: the mix places each take and sets its level.
    """
    found = {one.name: one for one in parse(RECIPE, "recipe")}
    found.update({one.name: one for one in sections if one.name not in ("crop", "shift", "gain")})
    return sorted(found.values(), key=lambda one: NAMES.index(one.name))


def _chance(
    section: Augmentation | None, chance: float, snr_db: tuple[float, float]
) -> tuple[float, tuple[float, float]]:
    """Probability and range of one kind of bed: the spec's section, or the default."""
    if section is None:
        return chance, snr_db
    return section.probability, getattr(section, "snr_db", snr_db)


@dataclass(frozen=True)
class Sample:
    """A take to make variants of: the clip's int16 samples, and where the sound is in them.

    weight: How many times as many variants it gives as others.
    """

    pcm: np.ndarray = field(repr=False)
    found: Found
    label: int
    weight: int = 1


@dataclass
class Mixer:
    """Mixes takes into streams.

    Args:
        front_end: Computes the features.
        streams: Sounds to mix in.
        sections: What each variant goes through (see `recipe`).
        classes: Names of the model's classes.
        seed: Of all draws.
    """

    front_end: FrontEnd
    streams: Sequence[Stream]
    sections: Sequence[Augmentation]
    classes: Sequence[str]
    seed: int

    def __post_init__(self) -> None:
        self.stock = Stock(list(self.classes))
        by_name = {s.name: s for s in self.sections}
        self._in_noise = _chance(by_name.get("noise"), IN_NOISE, NOISE_SNR_DB)
        self._in_stream = _chance(by_name.get("background"), IN_STREAM, STREAM_SNR_DB)
        self._sound = [s for s in self.sections if s.name in AUDIO and s.name not in BEDS]
        self._shares = np.cumsum([len(s.pcm) for s in self.streams]) if self.streams else None

    def variants(
        self, samples: Sequence[Sample], progress: Callable[[float], None] = lambda share: None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Features of many variants of each take.

        Returns:
            int16 (count, frames, bands), and the number of the take of each.
        """
        rows, owners = [], []
        count: dict[int, int] = {}
        for sample in samples:
            count[sample.label] = count.get(sample.label, 0) + 1
        for number, sample in enumerate(samples):
            each = min(MOST_EACH, max(LEAST_EACH, VARIANTS // count[sample.label]))
            for variant in range(each * sample.weight):
                rng = np.random.default_rng((self.seed, number, variant, 0x7A4E))
                rows.append(self.window_of(self.mix(sample, rng)))
                owners.append(number)
            progress((number + 1) / len(samples))
        return np.array(rows, np.int16), np.array(owners)

    def window_of(self, pcm: np.ndarray) -> np.ndarray:
        """Features of the last window of a mix."""
        return extract(pcm, self.front_end)[-self.front_end.frames :]

    def plain(self, sample: Sample) -> np.ndarray:
        """The mix of an unchanged take in the middle of the window, in silence but for its room."""
        size = self.front_end.samples
        x = _trimmed(sample, AROUND)
        rng = np.random.default_rng((self.seed, 0x91A1))
        middle = (size - len(x)) // 2
        return self._placed(x, SETTLE + middle, np.full(1, -80.0), [], rng)

    def mix(self, sample: Sample, rng: np.random.Generator) -> np.ndarray:
        """One variant: int16 samples of SETTLE and the window behind it."""
        around = AROUND if rng.random() < 0.5 else 0
        x = _trimmed(sample, around)
        before = len(x)
        take = Take(rng, self.stock, sample.label)
        x = np.pad(x, (0, RING))
        for section in self._sound:
            if rng.random() < section.probability:
                resized = getattr(section, "resized", None)
                x = section.apply(x, take) if resized is None else resized(x, take)
        length = round(before * (len(x) / (before + RING)))  # of the take, at its new speed
        level = rms(x[:length])
        if level > 0:
            x = x * np.float32(decibels(rng.uniform(*LEVELS_DB)) / level)
        place = SETTLE + self._start(length, rng)
        beds = []
        for make, (chance, snr_db) in (
            (self._noise, self._in_noise),
            (self._piece, self._in_stream),
        ):
            if rng.random() < chance and (self.streams or make == self._noise):
                beds.append((make, rng.uniform(*snr_db)))
        return self._placed(x, place, rng.uniform(*QUIET_DB, 1), beds, rng, length)

    def _start(self, length: int, rng: np.random.Generator) -> int:
        """Where a take begins in the window: near its middle, all of it inside if possible."""
        spare = self.front_end.samples - length
        middle = spare // 2
        if length > LONG * self.front_end.samples:  # any part of a sound that goes on
            return int(rng.integers(spare, 1))
        if spare < 0:  # the end decides when it is heard
            return spare + int(rng.integers(-OVER, 2 * OVER + 1))
        low, high = max(-OVER, middle - JITTER), min(spare + OVER, middle + JITTER)
        return int(rng.integers(low, max(low, high) + 1))

    def _placed(
        self,
        x: np.ndarray,
        place: int,
        quiet_db: np.ndarray,
        beds: Sequence[tuple[Callable[[int, np.random.Generator], np.ndarray], float]],
        rng: np.random.Generator,
        length: int | None = None,
    ) -> np.ndarray:
        total = SETTLE + self.front_end.samples
        loud = rms(x[: length or len(x)])
        bed = rng.standard_normal(total, np.float32) * np.float32(decibels(quiet_db[0]))
        for make, snr in beds:
            noise = make(total, rng)
            level = rms(noise)
            if level > 0:
                bed = bed + noise * np.float32(loud / level / decibels(snr))
        first, last = max(0, place), min(total, place + len(x))
        bed[first:last] += x[first - place : last - place]
        return np.clip(np.rint(bed * FULL), -32768, 32767).astype(np.int16)

    def _noise(self, samples: int, rng: np.random.Generator) -> np.ndarray:
        """A stream's piece or generated noise, either as likely."""
        if self.streams and rng.random() < 0.5:
            return self._piece(samples, rng)
        return coloured(rng, samples).astype(np.float32)

    def _piece(self, samples: int, rng: np.random.Generator) -> np.ndarray:
        assert self._shares is not None
        at = int(rng.integers(self._shares[-1]))
        stream = self.streams[int(np.searchsorted(self._shares, at, "right"))].pcm
        start = int(rng.integers(max(1, len(stream) - samples + 1)))
        return np.resize(stream[start : start + samples].astype(np.float32) / FULL, samples)


def _trimmed(sample: Sample, around: int) -> np.ndarray:
    """A take as float32, with so many samples of its clip around it, faded at both ends."""
    start = max(0, sample.found.start - around)
    end = min(len(sample.pcm), sample.found.end + around)
    x = sample.pcm[start:end].astype(np.float32) / np.float32(FULL)
    x = x - x.mean()
    ramp = np.linspace(0, 1, FADE, dtype=np.float32)
    x[:FADE] *= ramp[: len(x)]
    x[-FADE:] *= ramp[::-1][-len(x) :]
    return x


@dataclass
class Masks:
    """The augmentations of features, for windows that are drawn again and again."""

    sections: Sequence[Augmentation]
    classes: Sequence[str]

    def __post_init__(self) -> None:
        self._steps = [s for s in self.sections if s.name in FEATURES]
        self._stock = Stock(list(self.classes))

    def apply(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Changes int16 windows (count, frames, bands); returns new ones."""
        if not self._steps:
            return values
        out = values.copy()
        for row in range(len(out)):
            for section in self._steps:
                if rng.random() < section.probability:
                    take = Take(rng, self._stock)
                    changed = section.apply(out[row].astype(np.int32), take)
                    out[row] = np.clip(np.rint(changed), -32768, 32767)
        return out
