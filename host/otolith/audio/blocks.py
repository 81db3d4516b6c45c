"""Streams of sound in blocks: what a microphone gives, and PCM made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from otolith.audio.arrays import Pcm
from otolith.audio.rate import RATE


@dataclass(frozen=True)
class Block:
    """Sound of a microphone.

    Attributes:
        pcm: The samples.
        lost: Samples that are missing between the block before and this one.
        overflows: How many times an unknown number of samples was lost there.
    """

    pcm: Pcm
    lost: int = 0
    overflows: int = 0


class Source(Protocol):
    """An open microphone. Sound that comes while nobody reads is kept for the next read()."""

    name: str  # product and serial number, for the dataset

    def read(self) -> Block:
        """The next samples. The block is empty if none came within about a tenth of a second."""

    def close(self) -> None:
        """Close the microphone."""


def pcm_of(source: Source, stop: object, say: Callable[[str], None]) -> Iterator[Pcm]:
    """Read a microphone as PCM.

    Args:
        source: An open microphone.
        stop: Reading ends as soon as this is true.
        say: Gets a line whenever an unknown number of samples was lost. A known number of lost
            samples becomes silence.
    """
    while not stop:
        block = source.read()
        if block.overflows:
            say("samples were lost: this computer is too busy")
        yield np.concatenate([np.zeros(block.lost, np.int16), block.pcm])


def at_most(blocks: Iterable[Pcm], seconds: float | None) -> Iterator[Pcm]:
    """The first `seconds` of `blocks`; all of them if it is None."""
    if seconds is None:
        yield from blocks
        return
    left = round(seconds * RATE)
    for block in blocks:
        yield block[:left]
        left -= len(block)
        if left <= 0:
            return
