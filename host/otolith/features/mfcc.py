"""Tables of the front end `mfcc`, CMSIS-DSP's arm_mfcc_q15 (lib/features/src/mfcc.c).

Definition in floating point:

1. Multiply `window` samples (full scale 1) by a periodic Hann window of that length.
2. Pad with zeros to the next power of two, because arm_mfcc takes no other lengths.
3. Take the magnitudes of the real FFT.
4. Apply `mels` triangular filters between low_hz and high_hz. They are equally wide on the mel
   scale 1127 ln(1 + f / 700), and their peak is 1.
5. Take the natural logarithm.
6. Take the first `bands` coefficients of a DCT-II, each scaled by sqrt(2 / mels).

The integers are in q8.7: one step is 1/128.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from otolith.errors import UserError
from otolith.features import rfft
from otolith.features.tables import Struct
from otolith.settings.front_ends.mfcc import Mfcc, fft_length


def _q15(values: list[float]) -> np.ndarray:
    return np.array([max(-32768, min(32767, math.floor(32768 * v + 0.5))) for v in values], "int16")


def hann(window: int) -> list[float]:
    """A periodic Hann window."""
    return [0.5 - 0.5 * math.cos(2 * math.pi * i / window) for i in range(window)]


def dct(front_end: Mfcc) -> list[list[float]]:
    """The DCT-II matrix: `bands` rows of `mels` weights."""
    mels = front_end.mels
    return [
        [math.sqrt(2 / mels) * math.cos(i * math.pi * (k + 0.5) / mels) for k in range(mels)]
        for i in range(front_end.bands)
    ]


def halves(rows: list[list[float]]) -> np.ndarray:
    """Packs the first half of each row in Q15.

    The second half mirrors the first, with the opposite sign in every second row.
    """
    half = (len(rows[0]) + 1) // 2
    padded = [[*row[:half], 0.0] if half % 2 else row[:half] for row in rows]
    return rfft.pairs(_q15([weight for row in padded for weight in row]))


@cache
def tables(front_end: Mfcc) -> Struct:
    """Computes the tables that arm_mfcc_q15 reads, in Q15.

    Raises:
        UserError: There are so many mel filters that one contains no FFT bin.
    """
    size = fft_length(front_end.window)
    starts, lengths, weights = [], [], []
    for number, row in enumerate(front_end.mel_filters()):
        quantised = _q15(row)
        bins = np.flatnonzero(quantised)
        if not len(bins):
            raise UserError(
                f"mel filter {number + 1} of {front_end.mels} lies between two FFT bins: "
                "take fewer mels"
            )
        starts.append(bins[0])
        lengths.append(bins[-1] - bins[0] + 1)
        weights.append(quantised[bins[0] : bins[-1] + 1])
    padding = [0.0] * (size - front_end.window)
    return Struct(
        "mfcc_tables_t",
        {
            "fft": rfft.q15(size),
            "mels": front_end.mels,
            "window": rfft.pairs(_q15(hann(front_end.window) + padding)),
            "filter_start": np.array(starts, "uint16"),
            "filter_length": np.array(lengths, "uint16"),
            "filters": np.concatenate(weights),
            "dct": halves(dct(front_end)),
        },
        "mfcc.h",
    )
