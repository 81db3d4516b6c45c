"""Two roundings as one straight line: a sum -> int8 in two products, proven at every step.

TFLite rounds a sum times a multiplier twice (MultiplyByQuantizedMultiplier). What comes out is a
staircase that never falls; a line in fixed point that crosses every step between the same two sums
is that staircase, and the line never falls either: so its values at the steps prove all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from otolith.compile.graph import Step

FRACTION = 24  # bits of the line behind the point
TRIES = 24  # slopes around the exact one


@dataclass(frozen=True)
class Line:
    """For every channel: first sums (bias and input offset included) and rows of constants, in the
    order of lib/nn/src/cores/m0plus/dot.h."""

    first: np.ndarray  # int64[channels]
    constants: np.ndarray  # int64[channels][4], or 6 if signed
    narrow: int
    fine: int
    signed: bool


def rescaled(sums: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """MultiplyByQuantizedMultiplier of int64 arrays that broadcast."""
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    value = ((sums << left) * multiplier + (1 << 30)) >> 31
    mask = (np.int64(1) << right) - 1
    return (value >> right) + ((value & mask) > (mask >> 1) + (value < 0))


def _steps(output, least, most, low, levels):
    """The smallest sum whose output is at least low + 1 + level, of every channel and level."""
    wanted = low[:, None] + 1 + np.arange(levels)
    below, above = np.broadcast_arrays(least[:, None], most[:, None] + 1)
    below, above = below.copy(), above + np.zeros_like(wanted)
    below = below + np.zeros_like(wanted)
    while (above - below > 1).any():
        middle = (below + above) >> 1
        reached = output(middle) >= wanted
        above = np.where(reached, middle, above)
        below = np.where(reached, below, middle)
    return above


def line(step: Step, weights: np.ndarray) -> Line | None:
    """Of a convolution's weights [channels][taps]; None where no line is exact."""
    out = step.settings["out"]
    channels = len(weights)
    flat = weights.reshape(channels, -1).astype(np.int64)
    given = step.settings["bias"]
    bias = np.zeros(channels, np.int64) if given is None else given.values.astype(np.int64)
    offset = step.settings["in_offset"]
    multiplier = np.broadcast_to(out["multiplier"].values.astype(np.int64), channels)
    shift = np.broadcast_to(out["shift"].values.astype(np.int64), channels)
    gains, losses = np.maximum(flat, 0).sum(axis=1), np.minimum(flat, 0).sum(axis=1)
    least = bias + gains * (offset - 128) + losses * (offset + 127)
    most = bias + gains * (offset + 127) + losses * (offset - 128)
    if (
        max(np.abs(least << np.maximum(shift, 0)).max(), np.abs(most << np.maximum(shift, 0)).max())
        >= 2**30
    ):
        return None  # may wrap, as TFLite's does

    def output(sums):
        m, s = (multiplier, shift) if sums.ndim == 1 else (multiplier[:, None], shift[:, None])
        return np.clip(rescaled(sums, m, s) + out["zero_point"], out["low"], out["high"])

    low, high = output(least), output(most)
    levels = int((high - low).max())
    if levels == 0:
        constants = np.stack([np.zeros_like(low)] * 3 + [low << FRACTION], axis=1)
        return Line(bias + offset * flat.sum(axis=1), constants, 0, 8, False)
    steps = _steps(output, least, most, low, levels)
    real = np.arange(levels) < (high - low)[:, None]
    # Sums are counted from the last one whose output is `low`, if anything is above it.
    flat_ones = high == low
    base = np.where(flat_ones, 0, steps[:, 0] - 1)
    place = np.where(real, steps - base[:, None], 1)
    top = np.where(flat_ones, 0, np.where(real, steps - base[:, None], 0).max(axis=1))
    signed = bool((real & (steps <= 0)).any() and (shift < 0).any())
    less = np.where(shift < 0, np.int64(1) << np.maximum(0, FRACTION + shift), 0)
    if signed and (shift < -FRACTION).any():
        return None
    for narrow in range(6):
        fine = min(16, 32 - int(top.max()).bit_length() + narrow)
        if fine - narrow < 1:
            return None
        found = _fit(
            place, top, base, real, low, multiplier, shift, less if signed else None, narrow, fine
        )
        if found is not None:
            first = bias + offset * flat.sum(axis=1) - base
            return Line(first, found, narrow, fine - narrow, signed)
    return None


def _fit(place, top, base, real, low, multiplier, shift, less, narrow, fine):
    """Slopes and starts exact at every step, int64[channels][4 or 6], or None."""
    exact = multiplier << np.maximum(0, FRACTION + fine + shift - 31)
    exact = exact >> np.maximum(0, 31 - FRACTION - fine - shift)
    wanted = (1 + np.arange(place.shape[1], dtype=np.int64)) << FRACTION
    coarse, fine_part, start = (np.zeros(len(top), np.int64) for _ in range(3))
    left = np.ones(len(top), bool)
    zero = -base

    for number in range(TRIES):
        slope = exact + (-number // 2 if number % 2 else number // 2)
        upper, lower = slope >> fine, slope & ((1 << fine) - 1)

        def at(sums, upper=upper, lower=lower):
            value = sums * upper[:, None]
            value += (sums >> narrow) * lower[:, None] >> (fine - narrow)
            if less is not None:
                value -= np.where(sums < zero[:, None], less[:, None], 0)
            return value

        least = np.where(real, wanted - at(place), -(2**62)).max(axis=1)
        most = np.where(real, wanted - 1 - at(place - 1), 2**62).min(axis=1)
        nothing = np.zeros((len(top), 1), np.int64)
        least = np.maximum(least, -at(nothing)[:, 0])
        # the top stays below the next step
        levels = real.sum(axis=1) + 1
        most = np.minimum(most, (levels << FRACTION) - 1 - at(top[:, None])[:, 0])
        fits = left & (least <= most) & (slope >= 0) & (upper < 2**31)
        fits &= top * np.maximum(upper, 1) < 2**33
        coarse = np.where(fits, upper, coarse)
        fine_part = np.where(fits, lower, fine_part)
        start = np.where(fits, (least + most) >> 1, start)
        left &= ~fits
        if not left.any():
            break
    else:
        return None
    start = (start + (low << FRACTION)) & 0xFFFFFFFF
    start = np.where(start >= 2**31, start - 2**32, start)
    columns = [top, coarse, fine_part, start]
    if less is not None:
        columns += [zero, less]
    return np.stack(columns, axis=1)
