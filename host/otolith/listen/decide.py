"""The decisions of lib/detect for a whole sound at once, for any settings.

The rule is that of lib/detect/src/detect.c, integer for integer. tests/unit/test_decide.py compares
both. The gate has done its work already: `Heard` keeps the scores behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from otolith.listen.heard import Heard
from otolith.settings.detect import UNKNOWN, Detect, q15

_UNKNOWN, _NONE = -1, -2  # DETECT_UNKNOWN, DETECT_NONE


@dataclass(frozen=True)
class Event:
    """An event of the chain. t_ms: the end of its hop. score: smoothed, 0 to 1."""

    t_ms: float
    label: str
    score: float


def smooth(scores: np.ndarray, smoothing: int) -> np.ndarray:
    """Moving averages, rounded down, of as many scores as there are, up to `smoothing`.

    Args:
        scores: uint16 (hops,) of one class, Q15.
        smoothing: 1 to 32 hops.

    Returns:
        int32 (hops,), Q15.
    """
    sums = np.cumsum(scores, dtype=np.int64)
    sums[smoothing:] = sums[smoothing:] - sums[:-smoothing]
    sums //= np.minimum(np.arange(1, len(scores) + 1), smoothing)
    return sums.astype(np.int32)


def _majority(decisions: np.ndarray, voters: int) -> np.ndarray:
    """What more than half of the last `voters` decisions say; earlier ones say nothing."""
    if voters <= 1:
        return decisions
    found = np.full(len(decisions), _NONE, decisions.dtype)
    for one in np.unique(decisions):
        if one == _NONE:
            continue
        votes = np.cumsum(decisions == one)
        votes[voters:] = votes[voters:] - votes[:-voters]
        found[votes > voters // 2] = one
    return found


def spaced(hops: np.ndarray, suppression: int) -> np.ndarray:
    """The first of rising hop numbers, and each next one more than `suppression` hops later."""
    if not suppression or len(hops) < 2:
        return hops
    after = np.searchsorted(hops, hops + suppression, side="right")
    kept, at = [], 0
    while at < len(hops):
        kept.append(at)
        at = int(after[at])
    return hops[kept]


def decide(heard: Heard, detect: Detect, labels: Sequence[str]) -> list[Event]:
    """Finds the events of a sound.

    Args:
        heard: Its scores.
        detect: Settings of the decision layer; those of the gate are not used.
        labels: The network's classes.

    Returns:
        The chain's events for the same sound and settings, in the order of time.
    """
    hops = len(heard.scores)
    best = np.full(hops, -1, np.int32)  # smoothed score of the strongest class that is reached
    near = np.zeros(hops, np.int32)  # of the strongest class with a threshold
    decisions = np.where(heard.open, _UNKNOWN, _NONE).astype(np.int8)
    for number, label in enumerate(labels):
        threshold = q15(detect.thresholds.get(label, 0))
        if not threshold:
            continue
        smoothed = smooth(heard.scores[:, number], detect.smoothing)
        stronger = (smoothed >= threshold) & (smoothed > best)
        best[stronger], decisions[stronger] = smoothed[stronger], number
        np.maximum(near, smoothed, out=near)
    decisions[: detect.minimum_count - 1] = _NONE
    voted = _majority(decisions, detect.vote)
    told = spaced(np.flatnonzero(voted >= 0), detect.suppression_hops)
    events = [(int(hop), int(voted[hop])) for hop in told]
    if detect.unknown_events:
        unknown = np.flatnonzero(voted == _UNKNOWN)
        if len(told):
            last = np.searchsorted(told, unknown, side="right") - 1
            since = unknown - told[np.maximum(last, 0)]
            unknown = unknown[(last < 0) | (since > detect.suppression_hops)]
        events += [(int(hop), _UNKNOWN) for hop in spaced(unknown, detect.suppression_hops)]
    averages = {
        number: smooth(heard.scores[:, number], detect.smoothing)
        for number in {number for _, number in events}
        if number >= 0
    }
    found = []
    for hop, number in sorted(events):
        score = near[hop] if number == _UNKNOWN else averages[number][hop]
        label = UNKNOWN if number == _UNKNOWN else labels[number]
        found.append(Event(int(heard.t_ms(hop)), label, int(score) / 32767))
    return found


def decisive(smoothed: np.ndarray, minimum_count: int, vote: int) -> np.ndarray:
    """The highest threshold at which a class that is alone would be decided for, by hop.

    Args:
        smoothed: (hops,) of one class, Q15.
        minimum_count: Scores that must be there first.
        vote: Decisions of which more than half must agree.

    Returns:
        (hops,) Q15; -1 where nothing can be decided yet.
    """
    counted = smoothed.copy()
    counted[: minimum_count - 1] = -1
    if vote <= 1 or not len(counted):
        return counted
    before = np.concatenate([np.full(vote - 1, -1, counted.dtype), counted])
    windows = np.lib.stride_tricks.sliding_window_view(before, vote)
    need = vote // 2 + 1
    return np.partition(windows, vote - need, axis=1)[:, vote - need]
