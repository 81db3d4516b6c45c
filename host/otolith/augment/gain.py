"""Amplifies or attenuates a window."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.augment.base import Augmentation, Take, between, decibels


@dataclass(frozen=True)
class Gain(Augmentation):
    name: ClassVar[str] = "gain"
    gain_db: tuple[float, float] = between(-10, 10, -60, 60)

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        return x * np.float32(decibels(take.number("gain_db", self.gain_db)))
