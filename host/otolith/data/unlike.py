"""Tells takes of one word from takes of different ones.

Two takes of a word follow the same course of spectra, at different speeds. Dynamic time warping
(Sakoe and Chiba, 1978) measures how far their cepstra stay apart on the best common course.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from otolith.audio import RATE
from otolith.data.takes import Found
from otolith.features import extract, room_of
from otolith.settings.features import preset

CEPSTRA = 12
MOST = 12  # takes that are compared, each with each
FEWEST = 4
# Medians between takes of one word by one person: 1.17 to 1.77 (14 sets), by a crowd: 1.27 to 2.04
# (most of 45 sets). Of different words by one person or many: 2.07 to 2.29 (21 sets). Words of a
# syllable by twelve strangers come near the limit or above (bed 2.10, off 2.17), so it is a reason
# to ask and not to refuse.
UNLIKE = 2.06


def unlikeness(pcms: Sequence[np.ndarray], found: Sequence[Found]) -> float | None:
    """How unlike each other takes are.

    Args:
        pcms: int16 samples at 16 kHz of each take.
        found: Where the sound is in each.

    Returns:
        The median distance between two takes, 0 for equal ones; above UNLIKE they are as unlike as
        different words. None for fewer than FEWEST takes.
    """
    step = max(1, len(pcms) // MOST)
    some = [_cepstra(pcm, at) for pcm, at in list(zip(pcms, found, strict=True))[::step][:MOST]]
    some = [values for values in some if len(values) > CEPSTRA // 2]
    if len(some) < FEWEST:
        return None
    return float(np.median([warped(a, b) for n, a in enumerate(some) for b in some[:n]]))


def _cepstra(pcm: np.ndarray, at: Found) -> np.ndarray:
    """(frames, CEPSTRA) of a sound after its room, without its mean and with RMS 1: neither the
    microphone nor the level counts."""
    front_end = preset("micro_speech")
    values = extract(np.concatenate([room_of(pcm, RATE), pcm]), front_end)
    first, last = (RATE + at.start) // front_end.hop, (RATE + at.end) // front_end.hop
    values = values[max(0, first - 1) : last + 1].astype(np.float64)
    bands = np.arange(front_end.bands) + 0.5
    cosines = np.cos(np.pi / front_end.bands * np.outer(bands, np.arange(1, CEPSTRA + 1)))
    cepstra = values @ cosines
    cepstra -= cepstra.mean(0) if len(cepstra) else 0
    return cepstra / (float(np.sqrt(np.mean(cepstra**2))) + 1e-9) if cepstra.size else cepstra


def warped(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of two sequences of vectors along the best course through both."""
    apart = np.sqrt(np.square(a[:, None] - b[None]).sum(2))
    before = np.full(len(b) + 1, np.inf)
    before[0] = 0
    for row in apart:
        now = np.full(len(b) + 1, np.inf)
        best = np.minimum(before[:-1], before[1:])
        for column, cost in enumerate(row):
            now[column + 1] = cost + min(best[column], now[column])
        before = now
    return float(before[-1]) / (len(a) + len(b))
