"""Raises or lowers all features of a window by the same amount."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.augment.base import Augmentation, Take, between


@dataclass(frozen=True)
class Bias(Augmentation):
    """bias_steps: Amount in the chip's steps. In log2 features, 1024 steps are a factor of 2."""

    name: ClassVar[str] = "bias"
    bias_steps: tuple[float, float] = between(-500, 500, -32767, 32767)

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        return x + round(take.number("bias_steps", self.bias_steps))
