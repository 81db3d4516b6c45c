"""Classifies sound with several networks that share a front end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from otolith.audio import RATE
from otolith.classify import lines
from otolith.listen.ending import Ending, memory_ms
from otolith.listen.several import SeveralChain
from otolith.version import PROTOCOL, VERSION

Tell = Callable[[dict | None], None]


def hello(chain: SeveralChain, source: str) -> dict:
    """The first line: the models and the source."""
    return {
        "event": "hello",
        "protocol": PROTOCOL,
        "app": "classify",
        "board": "host",
        "version": VERSION,
        "serial": "",
        "models": chain.names,
        "hashes": chain.digests,
        "engine": "compiled",
        "rate": RATE,
        "hop": chain.hop,
        "source": source,
    }


def hear(
    chain: SeveralChain, blocks: Iterator[np.ndarray], follows: bool, scores: bool, tell: Tell
) -> tuple[int, int]:
    """Feeds a sound to the networks and tells what they say.

    Args:
        chain: The networks. They are reset first.
        blocks: int16 samples at 16 kHz.
        follows: Whether room tone follows the sound.
        scores: Whether the scores of every hop are told.
        tell: Gets each line.

    Returns:
        Numbers of samples and of events.
    """
    chain.reset()
    longest = max(chain.metadata, key=memory_ms)
    ending, samples, events = Ending(longest), 0, 0

    def feed(pcm: np.ndarray) -> None:
        nonlocal events
        for hops in chain.feed(pcm):
            for of in hops:
                told = [lines.scores(of.hop)] if scores else []
                told.append(lines.detect(of.hop, 0))
                events += told[-1] is not None
                for line in told:
                    if line is not None:
                        tell({"event": line["event"], "model": of.model, **line})

    for block in blocks:
        ending.add(block)
        samples += len(block)
        feed(block)
    if follows:
        feed(ending.pcm())
    feed(np.zeros(chain.missing, np.int16))
    return samples, events
