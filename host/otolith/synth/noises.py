"""Kinds of background sound, each a class of its own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from otolith.synth.acoustics import far, room, to_pcm
from otolith.synth.backgrounds import BACKGROUNDS
from otolith.synth.base import Generator


class Noises(Generator):
    """Every background of `otolith.synth.backgrounds`, in a room and at a distance."""

    labels: ClassVar[tuple[str, ...]] = tuple(BACKGROUNDS)
    about: ClassVar[str] = "Kinds of background sound, such as rain, music and sirens."

    def clip(self, rng: np.random.Generator, label: str, samples: int, part: str) -> np.ndarray:
        sound = BACKGROUNDS[label](rng, samples)
        return to_pcm(far(rng, room(rng, sound)), rng.uniform(-45, -9))
