"""Feeds PCM to a chain hop by hop. Can simulate the latency of a slow network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from otolith.audio import RATE
from otolith.listen.chain import Chain, Hop


@dataclass
class Count:
    """Numbers of samples, hops, hops that the network scored, and events."""

    samples: int = 0
    hops: int = 0
    scored: int = 0
    events: int = 0


class Ear:
    """Feeds one sound to a chain.

    Attributes:
        chain: The chain that is fed.
        count: Numbers so far.

    Args:
        chain: Front end, network and decisions of a model. It is reset first.
        latency_ms: How long the network of a device takes. A hop that ends before the network has
            finished with an earlier one only goes through the front end. Smoothing and suppression
            count only the hops that were scored.
    """

    def __init__(self, chain: Chain, latency_ms: float = 0.0) -> None:
        self.chain = chain
        self.count = Count()
        self._latency = latency_ms * RATE / 1000  # samples
        self._busy_until = 0.0  # sample
        self._left: np.ndarray = np.empty(0, np.int16)
        chain.reset()

    def feed(self, pcm: np.ndarray) -> Iterator[Hop]:
        """Yield the hops that new PCM (int16, 16 kHz) completes."""
        self.count.samples += len(pcm)
        left, self._left = np.concatenate([self._left, pcm]), np.empty(0, np.int16)
        size = self.chain.hop
        whole = len(left) // size * size
        for start in range(0, whole, size):
            yield self._hear(left[start : start + size])
        self._left = left[whole:]

    def follow(self, pcm: np.ndarray) -> Iterator[Hop]:
        """Yield the hops that room tone after the sound completes. Its samples are not counted."""
        before = self.count.samples
        yield from self.feed(pcm)
        self.count.samples = before

    def finish(self) -> Iterator[Hop]:
        """Yield the last hop, padded with zeros, if one is incomplete."""
        if len(self._left):
            yield self._hear(np.pad(self._left, (0, self.chain.hop - len(self._left))))
            self._left = self._left[:0]

    def _hear(self, pcm: np.ndarray) -> Hop:
        self.count.hops += 1
        end = self.count.hops * self.chain.hop
        hop = self.chain.skip(pcm) if end < self._busy_until else self.chain.push(pcm)
        if hop.scores is not None:
            self.count.scored += 1
            self.count.events += hop.event is not None
            self._busy_until = end + self._latency
        return hop
