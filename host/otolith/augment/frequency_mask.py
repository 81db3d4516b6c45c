"""Masks bands (SpecAugment, Park et al., 2019)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.augment.base import Augmentation, Take, between, one_of
from otolith.augment.masks import filling


@dataclass(frozen=True)
class FrequencyMask(Augmentation):
    name: ClassVar[str] = "frequency_mask"
    count: tuple[float, float] = between(1, 2, 1, 100, whole=True)
    width_bands: tuple[float, float] = between(1, 12, 1, 500, whole=True)
    fill: str = one_of("mean", "floor", "zero")

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        out, value = x.copy(), filling(x, self.fill)
        for number in range(take.whole("count", self.count)):
            drawn = take.whole(f"width_bands_{number + 1}", self.width_bands)
            width = min(x.shape[1], drawn)
            start = int(take.rng.integers(x.shape[1] - width + 1))
            out[:, start : start + width] = value
        return out
