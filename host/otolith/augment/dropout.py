"""Replaces blocks by digital silence, like those lost by a slow host or a loose wire."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.augment.base import Augmentation, Take, between


@dataclass(frozen=True)
class Dropout(Augmentation):
    name: ClassVar[str] = "dropout"
    count: tuple[float, float] = between(1, 3, 1, 100, whole=True)
    length_ms: tuple[float, float] = between(5, 50, 0.1, 5000)

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        out = x.copy()
        for number in range(take.whole("count", self.count)):
            length = take.number(f"length_ms_{number + 1}", self.length_ms)
            samples = min(len(x), max(1, round(length * RATE / 1000)))
            start = int(take.rng.integers(len(x) - samples + 1))
            out[start : start + samples] = 0
        return out
