"""Where the sounds are in a recording: energy of 10 ms frames against the noise floor."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from otolith.audio.rate import RATE

FRAME = RATE // 100  # samples
LOWEST_DB = -120.0  # of a frame without any energy
_FLOOR_SHARE = 10  # percent of the frames are taken to be no louder than noise
_ALL = 0.95  # of the energy
_FLOOR_WINDOW = 1000  # frames
_FLOOR_LEAST = 30  # frames; before, nothing is known
_FLOOR_EVERY = 10  # frames


@dataclass(frozen=True)
class Rules:
    """What counts as one sound. Lengths are in frames, levels in dB."""

    on_db: float = 12.0  # above the floor: a sound begins
    off_db: float = 6.0  # below this above the floor: it may have ended
    least: int = 8  # a shorter one is a click
    gap: int = 30  # a shorter pause is part of the sound
    most: int = 1000  # a longer one is cut
    quietest_db: float = LOWEST_DB  # what never counts as a sound, whatever the floor


def frame_levels(pcm: np.ndarray) -> np.ndarray:
    """dBFS of each whole frame of `pcm` (int16): RMS, its mean taken off; at least LOWEST_DB."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME) / 32768
    power = np.var(frames, axis=1) if len(frames) else np.empty(0)
    return 10 * np.log10(np.maximum(power, 10 ** (LOWEST_DB / 10)))


def noise_floor(levels: np.ndarray) -> float:
    """dBFS that a tenth of the frames do not reach; LOWEST_DB if there are none."""
    return float(np.percentile(levels, _FLOOR_SHARE)) if len(levels) else LOWEST_DB


class Floor:
    """The noise floor of what came within the last ten seconds."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=_FLOOR_WINDOW)
        self._new = 0
        self.db = np.inf  # until enough is known

    def add(self, level: float) -> float:
        """The floor once a frame's level is known."""
        self._levels.append(level)
        self._new += 1
        if self._new >= _FLOOR_EVERY and len(self._levels) >= _FLOOR_LEAST:
            self.db = noise_floor(np.array(self._levels))
            self._new = 0
        return self.db


class Segmenter:
    """Finds sounds in frames that come one by one. Hysteresis: one threshold to begin, a lower one
    to go on; both stay as they were at its beginning until a sound has ended."""

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
        """The sound that is known to have ended with this frame: its first frame, and the first
        one after it."""
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
        """The sound that was going on when the frames ended."""
        start, self._start = self._start, None
        if start is None or self._end - start < self.rules.least:
            return None
        return start, self._end


def segments(levels: np.ndarray, floor: float, rules: Rules) -> list[tuple[int, int]]:
    """All sounds in a recording whose noise floor is known, in frames."""
    segmenter = Segmenter(rules)
    found = [segmenter.feed(level, floor) for level in levels.tolist()]
    return [sound for sound in [*found, segmenter.finish()] if sound]


def sound_span(levels: np.ndarray, rules: Rules) -> tuple[int, int] | None:
    """From the first sound's first frame to the last one's end; None if nothing stands out."""
    found = segments(levels, noise_floor(levels), rules)
    return (found[0][0], found[-1][1]) if found else None


def holds_all(levels: np.ndarray, span: tuple[int, int]) -> bool:
    """Whether what lies outside of a span is silence beside it, not just less of the same."""
    power = 10 ** (levels / 10)
    return float(power[span[0] : span[1]].sum()) >= _ALL * float(power.sum())


def widen(start: int, stop: int, margin: int, length: int) -> tuple[int, int]:
    """A span of samples with `margin` more at both ends, where the recording has them."""
    return max(0, start - margin), min(length, stop + margin)


def centre(start: int, stop: int, wanted: int, length: int) -> tuple[int, int]:
    """The `wanted` samples around the middle of a span that the recording has; all of a shorter
    recording."""
    first = max(0, min((start + stop - wanted) // 2, length - wanted))
    return first, min(first + wanted, length)
