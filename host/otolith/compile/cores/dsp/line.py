"""Requantisation by a straight line on M4F and M33: two instructions an output.

An output is (sum * slope) >> (32 + LINE), limited to int8. Sums are those of weights that are
multiplied by a power of two of each channel, and start at a value that holds bias and zero point.
The power makes the start fine. The line equals TFLite's two roundings for every sum if it does so
on both sides of each step, because neither ever falls. Where negative sums matter, TFLite rounds
them the other way, and mostly no line is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from otolith.compile.cores.dsp.packing import filled
from otolith.compile.cores.m0plus.requantize import steps_of, sums_of
from otolith.compile.graph import Array, Settings, Step, Values

LINE = 10  # fractional bits, as in lib/nn/src/cores/dsp/line.h
MOST = 8  # most power of two of a weight: int8 becomes int16
TRIES = 48  # slopes that are tried around the exact one
_NONE = 1 << 62


@dataclass(frozen=True)
class Line:
    """The line of every channel.

    Attributes:
        power: Each channel's weights are multiplied by 2**power.
        out: The nn_dsp_out_t, with an nn_dsp_slope_t for each channel.
    """

    power: Values
    out: Settings


def line(step: Step, weights: Values, same: bool = False) -> Line | None:
    """The line of a convolution or dense layer; None if no line is exact for a channel.

    Args:
        step: The step.
        weights: [channels][...].
        same: Whether each power has to be MOST.
    """
    channels = len(weights)
    flat = weights.reshape(channels, -1).astype(np.int64)
    sums = sums_of(step, flat)
    if sums is None:
        return None
    least, most, multiplier, shift = sums.least, sums.most, sums.multiplier, sums.shift
    low, high = sums.output(least), sums.output(most)
    levels = max(1, int((high - low).max()))
    at = steps_of(sums.output, least, most, low, levels)
    value = low[:, None] + 1 + np.arange(levels)
    real = np.arange(levels) < (high - low)[:, None]
    # The first sum's output and the last one's must be right, too, unless they are limited anyway.
    first, last = low > max(-128, sums.low), high < min(127, sums.high)
    lower = np.where(real, at, least[:, None])
    lower_value = np.where(real, value, low[:, None])
    lower_real = real | first[:, None]
    upper = np.where(real, at - 1, most[:, None])
    upper_value = np.where(real, value, high[:, None] + 1)
    upper_real = real | last[:, None]
    # Powers: as high as weights and sums allow.
    widest = np.maximum(1, np.maximum(flat.max(axis=1), -flat.min(axis=1) - 1))
    power = np.minimum(MOST, 15 - np.ceil(np.log2(widest + 1)).astype(np.int64))
    reach = (
        np.abs(flat).sum(axis=1) * 128
        + np.abs(sums.bias + sums.offset)
        + (300 << np.maximum(0, -shift + 1))
    )
    power = np.minimum(power, 30 - np.ceil(np.log2(reach + 1)).astype(np.int64))
    # multiplier * 2^(shift - 31) = slope * 2^(power - 32 - LINE)
    more = 1 + LINE + shift - power
    if (power < (MOST if same else 0)).any() or (more > 0).any() or (more < -20).any():
        return None
    exact = (multiplier >> -more) + ((multiplier >> np.maximum(0, -more - 1)) & (more < 0))
    stride = np.maximum(1, (exact.astype(float) ** 2 / 2.0 ** (32 + LINE + 8)).astype(np.int64))
    start, slope = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
    left = np.ones(channels, bool)
    for number in range(TRIES):
        tried = exact + stride * ((number + 1) // 2 * (-1 if number % 2 else 1))
        safe = np.maximum(tried, 1)[:, None]
        least_at = -(-(lower_value << (32 + LINE)) // safe) - (lower << power[:, None])
        most_at = -(-(upper_value << (32 + LINE)) // safe) - 1 - (upper << power[:, None])
        low_end = np.where(lower_real, least_at, -_NONE).max(axis=1)
        high_end = np.where(upper_real, most_at, _NONE).min(axis=1)
        fits = left & (low_end <= high_end) & (tried > 0) & (tried < 2**31)
        bounded = (low_end > -_NONE) & (high_end < _NONE)
        middle = np.where(bounded, (low_end + high_end) >> 1, np.clip(0, low_end, high_end))
        start = np.where(fits, middle, start)
        slope = np.where(fits, tried, slope)
        left &= ~fits
        if not left.any():
            break
    else:
        return None
    start = start + ((sums.bias + sums.offset) << power)
    if (np.abs(start) + (np.abs(flat).sum(axis=1) * 128 << power) >= 2**31).any():
        return None
    rows = filled(np.stack([start, slope], axis=1), 0, 2)
    return Line(
        power,
        {
            "channels": Array("int32_t", rows),
            "low": sums.low,
            "high": sums.high,
            "limited": int((sums.low, sums.high) != (-128, 127)),
        },
    )
