"""Finds the sound in each recorded take, and tells takes that can't teach a network anything.

A take is one recording of one sound, with some of the room around it. The search never cuts into
the sound: where a clip has no steady background that the sound stands out of, as with a word that
fills its clip, the bounds follow from the loudest part alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from otolith.audio import RATE
from otolith.audio.segment import FRAME, frame_levels, widen

BEFORE, AFTER = RATE * 6 // 100, RATE // 10  # samples kept around the sound found
LEAST_RANGE_DB = 4.0  # between background and loudest part; less is no sound but steady noise
QUIETEST_DB = -70.0  # dBFS of the loudest part: below that there is nothing but the converter
BELOW_DB = 30.0  # a frame so far below the loudest still belongs to the sound
NEAREST_DB = 12.0  # ... and one so near to it always does
ABOVE_FLOOR_DB = 6.0
STEADY_DB = 4.0  # spread of the quieter quarter of the frames, where it is background
PAUSE = 40  # frames of 10 ms inside a sound
COPY = 0.97  # correlation of two takes that are one recording
MOST_COMPARED = 60  # takes of a class


@dataclass(frozen=True)
class Found:
    """Where the sound is in a clip: samples from `start` to before `end`.

    cut: It begins or ends at the edge of the clip, at full level, so part of it may be missing.
    """

    start: int
    end: int
    cut: bool = False

    @property
    def samples(self) -> int:
        """Length."""
        return self.end - self.start


def find_take(pcm: np.ndarray, most: int = 2 * RATE) -> Found | None:
    """Finds the sound of a take.

    Args:
        pcm: int16 samples at 16 kHz.
        most: Samples. Several sounds with pauses between them count as one up to this length.

    Returns:
        The bounds, with a little of the room around the sound. None if the clip is silent or holds
        steady noise alone.
    """
    levels = frame_levels(pcm)
    if len(levels) < 5:
        return None
    smooth = np.convolve(10 ** (levels / 10), np.ones(5) / 5, "same")
    smooth_db = 10 * np.log10(np.maximum(smooth, 1e-12))
    peak = float(smooth_db.max())
    floor, quarter = (float(x) for x in np.percentile(smooth_db, (5, 25)))
    if peak < QUIETEST_DB or peak - floor < LEAST_RANGE_DB:
        return None
    threshold = peak - BELOW_DB
    if quarter - floor < STEADY_DB:  # there is background, and its level is known
        threshold = max(threshold, quarter + ABOVE_FLOOR_DB)
    threshold = min(threshold, peak - NEAREST_DB)
    first, last = _main(levels, threshold, peak, max(1, most // FRAME))
    length = len(pcm)
    edge = threshold + ABOVE_FLOOR_DB
    cut = (first == 0 and levels[0] > edge) or (last == len(levels) and levels[-1] > edge)
    start, end = widen(first * FRAME, min(length, last * FRAME), 0, length)
    return Found(max(0, start - BEFORE), min(length, end + AFTER), bool(cut))


def _main(levels: np.ndarray, threshold: float, peak: float, most: int) -> tuple[int, int]:
    """First frame and end of the loudest sound, joined with its neighbours up to `most` frames."""
    loud = np.flatnonzero(levels > threshold)
    if not len(loud):
        return 0, len(levels)
    parts = np.split(loud, np.flatnonzero(np.diff(loud) > PAUSE) + 1)
    power = 10 ** (levels / 10)
    main = max(range(len(parts)), key=lambda i: power[parts[i]].sum())
    first, last = int(parts[main][0]), int(parts[main][-1]) + 1
    for part in sorted(parts, key=lambda p: min(abs(int(p[0]) - last), abs(first - int(p[-1])))):
        start, end = min(first, int(part[0])), max(last, int(part[-1]) + 1)
        if end - start <= most and levels[part].max() >= peak - NEAREST_DB:
            first, last = start, end
    return first, last


@dataclass(frozen=True)
class Checked:
    """What is known of the takes of a class.

    takes: Indices of those that hold a sound, each recording once. silent: Without a sound. copies:
    Indices of takes that are copies of an earlier one. cut: How many touch their clip's edge.
    """

    takes: list[int]
    silent: list[int] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    cut: int = 0


def check_takes(clips: Sequence[np.ndarray], found: Sequence[Found | None]) -> Checked:
    """Sorts out takes that are silent or copies of another.

    Args:
        clips: int16 samples of each take.
        found: Where the sound is in each.
    """
    silent = [i for i, one in enumerate(found) if one is None]
    heard = [i for i, one in enumerate(found) if one is not None]
    copies = copies_of([_sound(clips[i], found[i]) for i in heard[:MOST_COMPARED]])
    dropped = {heard[i] for i in copies}
    cut = sum(one is not None and one.cut for one in found)
    return Checked([i for i in heard if i not in dropped], silent, sorted(dropped), cut)


def _sound(pcm: np.ndarray, found: Found | None) -> np.ndarray:
    assert found is not None
    return pcm[found.start : found.end]


def copies_of(sounds: Sequence[np.ndarray]) -> list[int]:
    """Finds recordings that appear more than once, at any level and with any delay.

    Args:
        sounds: int16 samples of each.

    Returns:
        Indices of those that are a copy of an earlier one. Two recordings of one word correlate by
        0.6 at most, a recording and its copy by nearly 1, through a lossy codec too.
    """
    size = 1 << max(1, 2 * max((len(s) for s in sounds), default=1) - 1).bit_length()
    spectra: list[np.ndarray] = []
    copies = []
    for number, sound in enumerate(sounds):
        x = sound.astype(np.float32)
        x = x - x.mean()
        spectrum = np.fft.rfft(x / max(float(np.linalg.norm(x)), 1e-9), size)
        for other in spectra:
            if float(np.fft.irfft(spectrum * other.conj(), size).max()) > COPY:
                copies.append(number)
                break
        else:
            spectra.append(spectrum.astype(np.complex64))
    return copies
