"""Feeds PCM of any length to a chain, hop by hop, with the delay of a slow network if asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from otolith.audio import RATE
from otolith.listen.chain import Chain, Hop


@dataclass
class Count:
    """Counts of samples, hops, hops that the network scored, and events."""

    samples: int = 0
    hops: int = 0
    scored: int = 0
    events: int = 0


class Ear:
    """Feeds one sound to a chain.

    Attributes:
        chain: Is reset first.
        count: What was heard so far.

    Args:
        chain: A model's front end, network and decisions.
        latency_ms: How long a device's network takes. A hop that ends before the network of the
            last one would be done goes through the front end alone. Smoothing and suppression
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
        """The hops that new PCM completes."""
        self.count.samples += len(pcm)
        left, self._left = np.concatenate([self._left, pcm]), np.empty(0, np.int16)
        size = self.chain.hop
        whole = len(left) // size * size
        for start in range(0, whole, size):
            yield self._hear(left[start : start + size])
        self._left = left[whole:]

    def follow(self, pcm: np.ndarray) -> Iterator[Hop]:
        """The hops that room tone behind the sound completes. They do not count as sound."""
        before = self.count.samples
        yield from self.feed(pcm)
        self.count.samples = before

    def finish(self) -> Iterator[Hop]:
        """The last hop, padded with silence."""
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
