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

LINE = 11  # fractional bits, as in lib/nn/src/cores/dsp/line.h
MOST = 8  # most power of two of a weight: int8 becomes int16
POWERS = 6  # that are tried for a channel
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


@dataclass(frozen=True)
class _Bounds:
    """Sums of each channel at which the line must have reached a value, or not yet."""

    sums: Values
    values: Values
    real: Values

    def of(self, channels: Values) -> _Bounds:
        """Those of some channels."""
        return _Bounds(self.sums[channels], self.values[channels], self.real[channels])


def _search(
    lower: _Bounds, upper: _Bounds, multiplier: Values, shift: Values, power: Values
) -> tuple[Values, Values]:
    """Starts and slopes of channels for given powers; slopes of 0 where there are none.

    Args:
        lower: Sums at which a value is reached.
        upper: Sums at which it is not reached.
        multiplier, shift: TFLite's.
        power: Of the weights.
    """
    # multiplier * 2^(shift - 31) = slope * 2^(power - 32 - LINE)
    more = 1 + LINE + shift - power
    down = np.maximum(0, -more)
    exact = (multiplier >> down) + ((multiplier >> np.maximum(0, down - 1)) & (down > 0))
    possible = (more <= 0) & (more > -20)
    stride = np.maximum(1, (exact.astype(float) ** 2 / 2.0 ** (32 + LINE + 8)).astype(np.int64))
    start, slope = np.zeros_like(power), np.zeros_like(power)
    for number in range(TRIES):
        tried = exact + stride * ((number + 1) // 2 * (-1 if number % 2 else 1))
        safe = np.maximum(tried, 1)[:, None]
        least = -(-(lower.values << (32 + LINE)) // safe) - (lower.sums << power[:, None])
        most = -(-(upper.values << (32 + LINE)) // safe) - 1 - (upper.sums << power[:, None])
        least = np.where(lower.real, least, -_NONE).max(axis=1)
        most = np.where(upper.real, most, _NONE).min(axis=1)
        fits = possible & (slope == 0) & (least <= most) & (tried > 0) & (tried < 2**31)
        bounded = (least > -_NONE) & (most < _NONE)
        middle = np.where(bounded, (least + most) >> 1, np.clip(0, least, most))
        start, slope = np.where(fits, middle, start), np.where(fits, tried, slope)
        if (slope > 0).all():
            break
    return start, slope


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
    if (power < (MOST if same else 0)).any():
        return None
    lower_bound = _Bounds(lower, lower_value, lower_real)
    upper_bound = _Bounds(upper, upper_value, upper_real)
    start, slope, chosen = (np.zeros(channels, np.int64) for _ in range(3))
    left: Values = np.arange(channels)
    # A lower power makes the start coarser and the slope finer.
    for less in range(1 if same else POWERS):
        tried = np.maximum(0, power[left] - less)
        found = _search(
            lower_bound.of(left), upper_bound.of(left), multiplier[left], shift[left], tried
        )
        fits = found[1] > 0
        start[left[fits]], slope[left[fits]] = found[0][fits], found[1][fits]
        chosen[left[fits]] = tried[fits]
        left = left[~fits]
        if not left.size:
            break
    else:
        return None
    start = start + ((sums.bias + sums.offset) << chosen)
    if (np.abs(start) + (np.abs(flat).sum(axis=1) * 128 << chosen) >= 2**31).any():
        return None
    rows = filled(np.stack([start, slope], axis=1), 0, 2)
    return Line(
        chosen,
        {
            "channels": Array("int32_t", rows),
            "low": sums.low,
            "high": sums.high,
            "limited": int((sums.low, sums.high) != (-128, 127)),
        },
    )
