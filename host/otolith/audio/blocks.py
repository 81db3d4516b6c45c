"""Blocks of sound as they come from a microphone, and the interface of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Block:
    """Sound, int16 at 16 kHz, and what is missing since the block before."""

    pcm: np.ndarray
    lost: int = 0  # samples
    overflows: int = 0  # times that an unknown number of samples was lost


class Source(Protocol):
    """A microphone that is open. What comes while nobody reads is kept for the next read()."""

    name: str  # product and serial number, for the dataset

    def read(self) -> Block:
        """The next samples; none if none came within about a tenth of a second."""

    def close(self) -> None:
        """Let go of the microphone."""
