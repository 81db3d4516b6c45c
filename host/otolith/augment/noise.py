"""Adds white or pink noise at a random signal-to-noise ratio."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.augment.base import SILENT, Augmentation, Take, between, decibels, one_of, rms

LOWEST = 20.0  # Hz: pink noise is flat below


def pink(rng: np.random.Generator, count: int) -> np.ndarray:
    """Makes float32 noise whose power density falls by 3 dB per octave."""
    spectrum = np.fft.rfft(rng.standard_normal(count, dtype=np.float32))
    f = np.maximum(np.fft.rfftfreq(count, 1 / RATE), LOWEST)
    return np.fft.irfft(spectrum * (1 / np.sqrt(f)).astype(np.float32), count)


@dataclass(frozen=True)
class Noise(Augmentation):
    """A silent window does not change, because it has no signal-to-noise ratio."""

    name: ClassVar[str] = "noise"
    snr_db: tuple[float, float] = between(10, 40, -30, 90)
    colour: str = one_of("any", "white", "pink")

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        ratio = take.number("snr_db", self.snr_db)
        colour = self.colour
        if colour == "any":
            colour = ("white", "pink")[int(take.rng.integers(2))]
        take.notes["colour"] = colour
        signal = rms(x)
        if signal <= SILENT:
            return x
        if colour == "pink":
            noise = pink(take.rng, len(x))
        else:
            noise = take.rng.standard_normal(len(x), dtype=np.float32)
        return x + noise * np.float32(signal / max(rms(noise), SILENT) / decibels(ratio))
