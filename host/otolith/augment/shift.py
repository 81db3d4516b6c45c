"""Shifts the sound within the window."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.augment.base import Augmentation, Take, between, one_of
from otolith.augment.fill import filler


@dataclass(frozen=True)
class Shift(Augmentation):
    """shift_ms: Positive is later. fill: Fills the gap; "wrap" takes what left at the other end."""

    name: ClassVar[str] = "shift"
    shift_ms: tuple[float, float] = between(-100, 100, -5000, 5000)
    fill: str = one_of("floor", "silence", "wrap")

    def reach_s(self) -> float:
        return max(abs(ms) for ms in self.shift_ms) / 1000

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        count = round(take.number("shift_ms", self.shift_ms) * RATE / 1000)
        if self.fill == "wrap":
            return np.roll(x, count)
        count = max(-len(x), min(len(x), count))
        new = filler(x, abs(count), self.fill, take.rng)
        if count >= 0:
            return np.concatenate([new, x[: len(x) - count]])
        return np.concatenate([x[-count:], new])
