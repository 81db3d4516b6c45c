"""Adds noise to random single features."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.augment.base import Augmentation, Take, between


@dataclass(frozen=True)
class SparseNoise(Augmentation):
    """share_percent: Share of the features that get noise. deviation_steps: Standard deviation of
    the noise in the chip's steps. In log2 features, 1024 steps are a factor of 2.
    """

    name: ClassVar[str] = "sparse_noise"
    share_percent: tuple[float, float] = between(0, 10, 0, 100)
    deviation_steps: tuple[float, float] = between(100, 1000, 0, 32767)

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        share = take.number("share_percent", self.share_percent) / 100
        deviation = take.number("deviation_steps", self.deviation_steps)
        hit = take.rng.random(x.shape, dtype=np.float32) < share
        out = x.copy()
        noise = take.rng.normal(0, deviation, int(hit.sum()))
        out[hit] += np.round(noise).astype(out.dtype)
        return out
