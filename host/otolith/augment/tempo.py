"""Plays faster or slower at the same pitch, as a person speaks."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.augment.base import Augmentation, Take, between, one_of
from otolith.augment.fill import placed
from otolith.augment.pitch import stretch


@dataclass(frozen=True)
class Tempo(Augmentation):
    """tempo_percent: 10 is 1.1 times as fast. The window keeps its length: a longer sound is cut at
    its ends, a shorter one is put at a random position. fill: Fills the gap.
    """

    name: ClassVar[str] = "tempo"
    tempo_percent: tuple[float, float] = between(-15, 15, -50, 100)
    fill: str = one_of("floor", "silence")

    def resized(self, x: np.ndarray, take: Take) -> np.ndarray:
        """The whole sound at another tempo, longer or shorter than before."""
        factor = 1 + take.number("tempo_percent", self.tempo_percent) / 100
        return stretch(x, 1 / factor).astype(np.float32)

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        return placed(x, self.resized(x, take), self.fill, take.rng)
