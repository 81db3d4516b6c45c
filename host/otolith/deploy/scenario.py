"""What is played to a board, and what the board should say about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from otolith.audio import RATE
from otolith.firmware.hear import Detection


@dataclass(frozen=True)
class Segment:
    """A stretch of sound.

    Attributes:
        name: What is played, for tables.
        label: The event it should cause. None: background, which should cause none.
        pcm: int16 samples at 16 kHz.
        sound: First sample of the sound itself and the sample after its last one; room tone lies
            around it. None: all of `pcm`.
    """

    name: str
    label: str | None
    pcm: np.ndarray = field(repr=False)
    sound: tuple[int, int] | None = None


@dataclass(frozen=True)
class Outcome:
    """One segment, judged.

    Attributes:
        name: As in the segment.
        label: As in the segment.
        start_ms: Where the segment begins, from the first sample played.
        end_ms: Where it ends.
        sound_ms: Where its sound begins.
        first: The first right detection of its sound. None: it was not heard.
        wrong: Detections within the segment that no sound explains.
    """

    name: str
    label: str | None
    start_ms: float
    end_ms: float
    sound_ms: float
    first: Detection | None
    wrong: tuple[Detection, ...]

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds from the start of the sound to its first right detection."""
        return None if self.first is None else self.first.t_ms - self.sound_ms

    @property
    def right(self) -> bool:
        """Heard if it had to be heard, and nothing wrong was detected."""
        return not self.wrong and (self.label is None or self.first is not None)


def concatenate(segments: Sequence[Segment]) -> np.ndarray:
    """All segments in a row, int16."""
    return np.concatenate([segment.pcm for segment in segments])


def judge(
    segments: Sequence[Segment], detections: Sequence[Detection], memory_ms: float
) -> list[Outcome]:
    """Judge what a board said of `segments` played in a row.

    A detection belongs to the last sound of its label that the board could still remember at that
    moment. A detection without such a sound is wrong, and counts against the segment in which it
    came; after the end, against the last one.

    Args:
        segments: What was played.
        detections: What the board said, in any order.
        memory_ms: How long a sound can influence decisions (otolith.listen.ending.memory_ms).

    Returns:
        One outcome for each segment.
    """
    starts = np.cumsum([0, *(1000 * len(segment.pcm) / RATE for segment in segments)])
    heard: list[list[Detection]] = [[] for _ in segments]
    wrong: list[list[Detection]] = [[] for _ in segments]
    for detection in sorted(detections, key=lambda d: d.t_ms):
        owners = []
        for number, segment in enumerate(segments):
            first, stop = segment.sound or (0, len(segment.pcm))
            begins = starts[number] + 1000 * first / RATE
            ends = starts[number] + 1000 * stop / RATE
            if segment.label == detection.label and begins <= detection.t_ms < ends + memory_ms:
                owners.append(number)
        if owners:
            heard[owners[-1]].append(detection)
        else:
            place = int(np.searchsorted(starts, detection.t_ms, "right")) - 1
            wrong[min(max(place, 0), len(segments) - 1)].append(detection)
    return [
        Outcome(
            segment.name,
            segment.label,
            float(starts[number]),
            float(starts[number + 1]),
            float(starts[number] + 1000 * (segment.sound or (0, 0))[0] / RATE),
            heard[number][0] if heard[number] else None,
            tuple(wrong[number]),
        )
        for number, segment in enumerate(segments)
    ]


def passed(outcomes: Sequence[Outcome], accept: float) -> bool:
    """Whether a model passes its test scene.

    Sounds and backgrounds are counted apart, so that neither a detector that never fires nor one
    that always fires passes because of the others.

    Args:
        outcomes: What `judge` returned.
        accept: Share of the segments that must be right, above 0 to 1. Rounded down to whole
            segments, but at least one.

    Returns:
        True if enough sounds were heard and enough backgrounds stayed quiet.
    """
    for kind in (
        [outcome for outcome in outcomes if outcome.label is not None],
        [outcome for outcome in outcomes if outcome.label is None],
    ):
        needed = max(1, math.floor(accept * len(kind) + 1e-9))
        if kind and sum(outcome.right for outcome in kind) < needed:
            return False
    return True
