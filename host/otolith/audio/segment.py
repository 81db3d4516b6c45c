"""Finds sounds in a recording: frames of 10 ms whose energy stands out of the noise floor."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from otolith.audio.arrays import Levels, Pcm
from otolith.audio.rate import RATE

FRAME = RATE // 100  # samples
LOWEST_DB = -120.0  # dBFS of a frame of zeros
_FLOOR_SHARE = 10  # percent of the frames that count as noise
_ALL = 0.95  # share of the energy
_FLOOR_WINDOW = 1000  # frames
_FLOOR_LEAST = 30  # frames before the floor is known
_FLOOR_EVERY = 10  # frames


@dataclass(frozen=True)
class Rules:
    """What counts as one sound.

    Attributes:
        on_db: A sound begins this many dB above the noise floor.
        off_db: It may have ended when it is less than this many dB above the floor.
        least: Frames; a shorter sound is a click and left out.
        gap: Frames; a shorter pause is part of the sound.
        most: Frames; a longer sound is cut.
        quietest_db: dBFS; a quieter frame never begins a sound, whatever the floor is.
    """

    on_db: float = 12.0
    off_db: float = 6.0
    least: int = 8
    gap: int = 30
    most: int = 1000
    quietest_db: float = LOWEST_DB


def frame_levels(pcm: Pcm) -> Levels:
    """RMS of each whole frame in dBFS, without its mean; at least LOWEST_DB."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME) / 32768
    power = np.var(frames, axis=1) if len(frames) else np.empty(0)
    levels: Levels = 10 * np.log10(np.maximum(power, 10 ** (LOWEST_DB / 10)))
    return levels


def noise_floor(levels: Levels) -> float:
    """The level in dBFS that a tenth of the frames stay below; LOWEST_DB without frames."""
    return float(np.percentile(levels, _FLOOR_SHARE)) if len(levels) else LOWEST_DB


class Floor:
    """The noise floor of the last ten seconds."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=_FLOOR_WINDOW)
        self._new = 0
        self.db = np.inf  # until enough is known

    def add(self, level: float) -> float:
        """Add a frame's level in dBFS; returns the floor in dBFS."""
        self._levels.append(level)
        self._new += 1
        if self._new >= _FLOOR_EVERY and len(self._levels) >= _FLOOR_LEAST:
            self.db = noise_floor(np.array(self._levels))
            self._new = 0
        return self.db


class Segmenter:
    """Finds sounds in frames that come one by one.

    It has hysteresis: a sound needs a higher level to begin than to go on. Both thresholds stay
    what they were at the beginning of a sound until the sound has ended.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._frames = 0
        self._start: int | None = None
        self._end = 0  # after the last frame that was loud enough
        self._keep_db = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a sound is going on."""
        return self._start is not None

    def feed(self, level: float, floor: float) -> tuple[int, int] | None:
        """Add a frame.

        Args:
            level: dBFS of the frame.
            floor: dBFS of the noise floor.

        Returns:
            The sound that ended: its first frame, and the first frame behind it. None if no sound
            ended with this frame.
        """
        at, rules = self._frames, self.rules
        self._frames += 1
        if self._start is None:
            if level < max(floor + rules.on_db, rules.quietest_db):
                return None
            self._start = at
            self._keep_db = floor + rules.off_db
        if level >= self._keep_db:
            self._end = at + 1
        if at + 1 - self._end >= rules.gap or at + 1 - self._start >= rules.most:
            return self.finish()
        return None

    def finish(self) -> tuple[int, int] | None:
        """End the sound that is going on, as feed() does; None if there is none."""
        start, self._start = self._start, None
        if start is None or self._end - start < self.rules.least:
            return None
        return start, self._end


def segments(levels: Levels, floor: float, rules: Rules) -> list[tuple[int, int]]:
    """All sounds of a recording as (first frame, frame behind the last), given its noise floor."""
    segmenter = Segmenter(rules)
    found = [segmenter.feed(level, floor) for level in levels.tolist()]
    return [sound for sound in [*found, segmenter.finish()] if sound]


def sound_span(levels: Levels, rules: Rules) -> tuple[int, int] | None:
    """From the start of the first sound to the end of the last, in frames; None without sounds."""
    found = segments(levels, noise_floor(levels), rules)
    return (found[0][0], found[-1][1]) if found else None


def holds_all(levels: Levels, span: tuple[int, int]) -> bool:
    """Whether nearly all energy of a recording lies inside a span of frames."""
    power = 10 ** (levels / 10)
    return float(power[span[0] : span[1]].sum()) >= _ALL * float(power.sum())


def widen(start: int, stop: int, margin: int, length: int) -> tuple[int, int]:
    """Widen a span by `margin` samples at both ends, within a recording of `length` samples."""
    return max(0, start - margin), min(length, stop + margin)


def centre(start: int, stop: int, wanted: int, length: int) -> tuple[int, int]:
    """The `wanted` samples around the middle of a span, within a recording of `length` samples.

    A shorter recording is taken whole.
    """
    first = max(0, min((start + stop - wanted) // 2, length - wanted))
    return first, min(first + wanted, length)
