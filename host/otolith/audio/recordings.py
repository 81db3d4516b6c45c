"""Cuts stretches out of long recordings. A recording is read once, a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith.audio.arrays import Pcm
from otolith.audio.reading import pcm_blocks


@dataclass
class Span:
    """A stretch of a recording.

    Attributes:
        start: First sample. Before the recording's start there is silence.
        stop: The sample behind the last one. Behind the recording's end there is silence.
        about: Whatever the caller wants to know about it later.
    """

    start: int
    stop: int
    about: object = None
    _parts: list[Pcm] = field(default_factory=list, repr=False)


def cut_out(
    path: Path,
    spans: Sequence[Span],
    take: Callable[[Span, Pcm], None],
    step: Callable[[int], None] = lambda samples: None,
) -> None:
    """Read a recording once and hand out its spans.

    Args:
        path: A sound file of any format.
        spans: In any order; they may overlap.
        take: Gets a span and its PCM as soon as the span is whole, in the order spans end.
        step: Gets the number of samples of each block that was read.

    Raises:
        BadSound: The file can't be read.
    """
    waiting = sorted(spans, key=lambda span: span.start)
    open_: list[Span] = []
    at = 0
    for block in pcm_blocks(path):
        end = at + len(block)
        while waiting and waiting[0].start < end:
            span = waiting.pop(0)
            span._parts.append(np.zeros(max(0, min(0, span.stop) - span.start), np.int16))
            open_.append(span)
        for span in open_:
            part = block[max(0, span.start - at) : max(0, span.stop - at)]
            if len(part):
                span._parts.append(part.copy())
        for span in sorted((s for s in open_ if s.stop <= end), key=lambda s: s.stop):
            _finish(span, take)
        open_ = [span for span in open_ if span.stop > end]
        at = end
        step(len(block))
    for span in sorted([*open_, *waiting], key=lambda s: s.stop):
        _finish(span, take)


def _finish(span: Span, take: Callable[[Span, Pcm], None]) -> None:
    pcm = np.concatenate([*span._parts, np.empty(0, np.int16)])
    span._parts.clear()
    take(span, np.pad(pcm, (0, max(0, span.stop - span.start - len(pcm)))))
