"""What a network made of a sound, before any decision: one pass of the chip's C over it.

The scores do not depend on thresholds, smoothing or suppression, so one pass serves all of them
(otolith.listen.decide).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from otolith.audio import RATE
from otolith.listen.chain import Chain


@dataclass(frozen=True)
class Heard:
    """The scores of a sound.

    scores: uint16 (hops, classes), Q15; 0 while the gate was closed. open: bool (hops,): whether
    the gate was open. first: Number of the first scored hop, counted from 1; the hops before it
    filled the network's window. hop: Samples of a hop. seconds: Length of the sound, without the
    room tone after it.
    """

    scores: np.ndarray = field(repr=False)
    open: np.ndarray = field(repr=False)
    first: int
    hop: int
    seconds: float

    def t_ms(self, hop: int | np.ndarray) -> int | np.ndarray:
        """End of a hop, counted from 0 in `scores`, in ms from the sound's start."""
        return (hop + self.first) * self.hop * 1000 // RATE


def score(chain: Chain, blocks: Iterable[np.ndarray], seconds: float | None = None) -> Heard:
    """Runs sound through a chain, which starts from silence, and keeps its scores.

    The chain's smoothing, vote and minimum count are changed: it is of no use for events
    afterwards.

    Args:
        chain: The network and everything around it.
        blocks: int16 samples at 16 kHz, in blocks of any size. The last hop is padded with zeros.
        seconds: Length of the sound if it is not that of the blocks.
    """
    # With these, a smoothed score is the score behind the gate, and only a closed gate leaves a
    # scored hop without a decision.
    for name in ("minimum_count", "smoothing"):
        chain.set(f"detect.{name}", 1)
    chain.set("detect.vote", 0)
    chain.reset()
    scores: list[np.ndarray] = []
    opened: list[bool] = []
    hops = samples = 0
    for block in _padded(blocks, chain.hop):
        samples += len(block)
        for hop in chain.feed(block):
            hops += 1
            if hop.smoothed is not None:
                scores.append(hop.smoothed)
                opened.append(hop.decision is not None)
    rows = np.array(scores, np.uint16).reshape(-1, len(chain.labels))
    length = samples / RATE if seconds is None else seconds
    return Heard(rows, np.array(opened, bool), hops - len(rows) + 1, chain.hop, length)


def _padded(blocks: Iterable[np.ndarray], hop: int) -> Iterator[np.ndarray]:
    samples = 0
    for block in blocks:
        samples += len(block)
        yield block
    if samples % hop:
        yield np.zeros(-samples % hop, np.int16)
