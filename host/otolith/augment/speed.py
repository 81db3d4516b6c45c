"""Plays faster or slower, like a tape. Pitch and length change together."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.augment.base import Augmentation, Take, between, one_of
from otolith.augment.fill import placed


def respeed(x: np.ndarray, factor: float) -> np.ndarray:
    """Resamples float32 samples at 16 kHz to play `factor` times as fast and last 1 / `factor`."""
    import soxr

    return soxr.resample(np.asarray(x, np.float32), RATE * factor, RATE, quality="HQ")


@dataclass(frozen=True)
class Speed(Augmentation):
    """speed_percent: 10 is 1.1 times as fast. The window keeps its length: a longer sound is cut at
    its ends, a shorter one is put at a random position. fill: Fills the gap.
    """

    name: ClassVar[str] = "speed"
    speed_percent: tuple[float, float] = between(-10, 10, -50, 100)
    fill: str = one_of("floor", "silence", "wrap")

    def resized(self, x: np.ndarray, take: Take) -> np.ndarray:
        """The whole sound at another speed, longer or shorter than before."""
        return respeed(x, 1 + take.number("speed_percent", self.speed_percent) / 100)

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        return placed(x, self.resized(x, take), self.fill, take.rng)
