"""What is played to a board, and what the board should say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from otolith.audio import RATE
from otolith.firmware.hear import Detection


@dataclass(frozen=True)
class Segment:
    """A stretch of sound. `label` is the event it should cause, None for background."""

    name: str
    label: str | None
    pcm: np.ndarray = field(repr=False)  # int16, RATE


@dataclass(frozen=True)
class Outcome:
    """One segment judged: when its label was first detected, and what should not have been."""

    name: str
    label: str | None
    start_ms: float
    end_ms: float
    first: Detection | None
    wrong: tuple[Detection, ...]

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds from the start of the segment to its first right detection."""
        return None if self.first is None else self.first.t_ms - self.start_ms

    @property
    def right(self) -> bool:
        """Heard if it had to be heard, and nothing else was."""
        return not self.wrong and (self.label is None or self.first is not None)


def concatenate(segments: Sequence[Segment]) -> np.ndarray:
    """All segments in a row, int16."""
    return np.concatenate([segment.pcm for segment in segments])


def judge(
    segments: Sequence[Segment], detections: Sequence[Detection], memory_ms: float
) -> list[Outcome]:
    """Judge what a board said of `segments` played in a row.

    `memory_ms` is how long the board remembers (network window, smoothing and output delay): for
    that long into a segment a detection of the previous segment's label is not held against it.
    A detection after the end counts for the last segment.
    """
    outcomes = []
    start = 0.0
    previous: Segment | None = None
    for index, segment in enumerate(segments):
        end = start + 1000 * len(segment.pcm) / RATE
        last = index == len(segments) - 1
        inside = [d for d in detections if start <= d.t_ms and (d.t_ms < end or last)]
        right = [d for d in inside if d.label == segment.label]
        wrong = [
            d
            for d in inside
            if d.label != segment.label
            and not (previous and d.label == previous.label and d.t_ms < start + memory_ms)
        ]
        # Heard only just after it ended: still heard.
        if segment.label is not None and not right and not last:
            right = [
                d
                for d in detections
                if end <= d.t_ms < end + memory_ms and d.label == segment.label
            ]
        outcomes.append(
            Outcome(
                segment.name, segment.label, start, end, right[0] if right else None, tuple(wrong)
            )
        )
        previous, start = segment, end
    return outcomes
