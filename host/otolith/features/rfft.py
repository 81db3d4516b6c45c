"""Tables of lib/features' real FFTs: rfft_q15.c in CMSIS-DSP's arithmetic, rfft_kiss.c in
kissfft's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from otolith.features.tables import Struct

MAX_POINTS = 512  # rfft_q15.h


def pairs(values: Sequence[int] | np.ndarray) -> np.ndarray:
    """int16 values, two a word, the first in the low half: aligned as the chip reads them."""
    return np.array(values, "<i2").view("<u4").astype("uint32")


def _q15(value: float) -> int:
    return min(32767, math.floor(32768 * value))


def _twiddle(index: int, n: int) -> tuple[int, int]:
    """CMSIS-DSP's twiddleCoef_<n>_q15[index]: rounded down."""
    angle = 2 * math.pi * index / n
    return _q15(math.cos(angle)), _q15(math.sin(angle))


def twiddles(n: int) -> list[int]:
    """Of a complex FFT of n points: (cos, sin) after (cos, sin), in the order of use."""
    values: list[int] = []
    block = n
    if n & 0xAAAA:  # no power of four: radix 2 first
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
    """((1 - sin) / 2, cos / 2) of bins 1 .. points / 4 - 1: CMSIS-DSP's realCoefBQ15 but for the
    sign of the sine; rounded to nearest."""
    values = []
    for k in range(1, points // 4):
        angle = 2 * math.pi * k / points
        values += [math.floor(16384 * (1 - math.sin(angle)) + 0.5)]
        values += [math.floor(16384 * math.cos(angle) + 0.5)]
    return values


def bits_reversed(n: int) -> np.ndarray:
    """Bit reversal."""
    bits = n.bit_length() - 1
    return np.array([int(f"{k:0{bits}b}"[::-1], 2) for k in range(n)], "uint8")


def q15(points: int) -> Struct:
    """rfft_q15_t for 32 to MAX_POINTS points, a power of two."""
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
    """The order in which kissfft's recursion, radix 4 but 2 innermost where that is left, reaches
    its inputs."""
    if n in (2, 4):
        return list(range(n))
    inner = _inputs(n // 4)
    return [4 * i + digit for digit in range(4) for i in inner]


def kiss(points: int, twiddles: np.ndarray, super_twiddles: np.ndarray) -> Struct:
    """rfft_kiss_t for 16 to MAX_POINTS points, a power of two. twiddles, super_twiddles: int16 as
    kissfft computes them, points / 2 and points / 4 pairs."""
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
