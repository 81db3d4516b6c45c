"""Tables of the front end `lfbe`, MLPerf Tiny's streaming wake word (lib/features/src/lfbe.c).

Definition in floating point (mlcommons/tiny, streaming_wakeword/get_dataset.py, get_lfbe_func):

1. Pre-emphasis: y[n] = x[n] - 31/32 x[n - 1], full scale 1.
2. Every 512 samples, multiply the newest 1024 by a symmetric Hamming window.
3. Take the power of the real FFT, over 1024.
4. Apply `bands` triangular filters between 0 Hz and half the sample rate, equally wide on the mel
   scale 1127 ln(1 + f / 700), with a peak of 1, and without bin 0
   (tf.signal.linear_to_mel_weight_matrix).
5. Take 10 log10, and map -52 dB to 0 and 12 dB to 1.

The integers are 4096 times that. The first frame looks at 512 zeros before the first sample, as
the benchmark's reference submission does; its training code begins with the frame after that.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from otolith.features import rfft
from otolith.features.tables import Struct
from otolith.settings.front_ends.lfbe import HOP, Lfbe

POINTS = 2 * HOP  # of the FFT


def mel(hz: float) -> float:
    """Hertz on the mel scale."""
    return 1127 * math.log(1 + hz / 700)


def _q15(value: float) -> int:
    return min(32767, math.floor(32768 * value + 0.5))


def shares(front_end: Lfbe) -> tuple[list[int], list[int]]:
    """The filters as shares of bins between two peaks.

    Returns:
        Number of bins in each of bands + 1 spans, from bin 1 on; and for each bin the share of the
        filter with the later peak, Q12. The rest is the earlier one's.
    """
    step = mel(front_end.sample_rate / 2) / (front_end.bands + 1)
    counts, weights = [0] * (front_end.bands + 1), []
    for number in range(1, HOP):
        span, share = divmod(mel(number * front_end.sample_rate / POINTS) / step, 1)
        counts[int(span)] += 1
        weights.append(math.floor(4096 * share + 0.5))
    return counts, weights


@cache
def tables(front_end: Lfbe) -> Struct:
    """Computes the tables that lfbe.c reads."""
    turns = [2 * math.pi * k / POINTS for k in range(POINTS // 4)]
    counts, weights = shares(front_end)
    window = [0.54 - 0.46 * math.cos(2 * math.pi * n / (POINTS - 1)) for n in range(HOP)]
    return Struct(
        "lfbe_tables_t",
        {
            "turns": rfft.pairs([_q15(f(a)) for a in turns for f in (math.cos, math.sin)]),
            "window": np.array([_q15(value) for value in window], "uint16"),
            "order": rfft.bits_reversed(POINTS // 8),
            "spans": np.array(counts, "uint16"),
            "weights": np.array(weights, "uint16"),
            "work": np.zeros(HOP, "uint64"),
        },
        "lfbe.h",
        room=("work",),
    )
