"""Tables of the real FFTs in lib/features.

rfft_q15.c computes as CMSIS-DSP does, rfft_kiss.c as kissfft does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from otolith.features.tables import Struct

MAX_POINTS = 512  # rfft_q15.h


def pairs(values: Sequence[int] | np.ndarray) -> np.ndarray:
    """Packs int16 values in 32-bit words, as the chip reads them; the first is the low half.

    Args:
        values: An even number of int16 values.

    Returns:
        uint32 array of half the length.
    """
    return np.array(values, "<i2").view("<u4").astype("uint32")


def _q15(value: float) -> int:
    return min(32767, math.floor(32768 * value))


def _twiddle(index: int, n: int) -> tuple[int, int]:
    """CMSIS-DSP's twiddleCoef_<n>_q15[index], which is rounded down."""
    angle = 2 * math.pi * index / n
    return _q15(math.cos(angle)), _q15(math.sin(angle))


def twiddles(n: int) -> list[int]:
    """Twiddle factors of a complex FFT of n points: cos, sin, cos, sin ... in the order of use."""
    values: list[int] = []
    block = n
    if n & 0xAAAA:  # no power of four: the first stage is radix 2
        block = n // 2
        for i in range(block):
            values += _twiddle(i, n)
    size = block
    while size > 4:
        for j in range(size // 4):
            for multiple in (1, 2, 3):
                values += _twiddle(multiple * j * (n // size), n)
        size //= 4
    return values


def split(points: int) -> list[int]:
    """Factors that turn a complex FFT into a real one: (1 - sin) / 2 and cos / 2 of each bin.

    They are CMSIS-DSP's realCoefBQ15 with the opposite sign of the sine, in Q15, rounded to
    nearest. The bins are 1 to points / 4 - 1.
    """
    values = []
    for k in range(1, points // 4):
        angle = 2 * math.pi * k / points
        values += [math.floor(16384 * (1 - math.sin(angle)) + 0.5)]
        values += [math.floor(16384 * math.cos(angle) + 0.5)]
    return values


def bits_reversed(n: int) -> np.ndarray:
    """The bit-reversed index of each of n points, n a power of two up to 256."""
    bits = n.bit_length() - 1
    return np.array([int(f"{k:0{bits}b}"[::-1], 2) for k in range(n)], "uint8")


def q15(points: int) -> Struct:
    """Makes an rfft_q15_t.

    Args:
        points: A power of two from 32 to MAX_POINTS.
    """
    return Struct(
        "rfft_q15_t",
        {
            "points": points,
            "twiddles": pairs(twiddles(points // 2)),
            "split": pairs(split(points)),
            "order": bits_reversed(points // 2),
        },
        "rfft_q15.h",
    )


def _inputs(n: int) -> list[int]:
    """The order in which kissfft's recursion reads its inputs.

    All stages are radix 4, except that the innermost is radix 2 if n is no power of four.
    """
    if n in (2, 4):
        return list(range(n))
    inner = _inputs(n // 4)
    return [4 * i + digit for digit in range(4) for i in inner]


def kiss(points: int, twiddles: np.ndarray, super_twiddles: np.ndarray) -> Struct:
    """Makes an rfft_kiss_t.

    Args:
        points: A power of two from 16 to MAX_POINTS.
        twiddles: int16 from kissfft, points / 2 pairs of real and imaginary part.
        super_twiddles: int16 from kissfft, points / 4 pairs of real and imaginary part.
    """
    n = points // 2
    radix = 2 if n & 0xAAAA else 4
    rows, used = twiddles.reshape(-1, 2), []
    m = radix
    while m < n:
        used += [rows[n // (4 * m) * k * digit] for k in range(1, m) for digit in (1, 2, 3)]
        m *= 4
    return Struct(
        "rfft_kiss_t",
        {
            "points": points,
            "order": np.array(_inputs(n)[::radix], "uint8"),
            "twiddles": pairs(np.array(used or [[0, 0]], "int16").ravel()),
            "split": pairs(super_twiddles),
        },
        "rfft_kiss.h",
    )
