"""Requantisation by a straight line: from a sum to int8 in two products, proven for every sum.

TFLite rounds a sum times a multiplier twice (MultiplyByQuantizedMultiplier). The result is a
staircase that never falls. A line in fixed point never falls either. If the line crosses each step
between the same two sums as the staircase, both are equal everywhere. So only the sums next to the
steps have to be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from otolith.compile.graph import Step, Values

FRACTION = 24  # fractional bits of the line
NARROWEST = 5  # most bits that a sum is shifted right before the fine product
WIDE = (11, 10, 12, 9)  # such bits, if they have a product of their own
TRIES = 24  # slopes that are tried around the exact one
PLACES = (0, *range(1, 26, 2))  # sums before the first step, where counting begins


@dataclass(frozen=True)
class Line:
    """The line of every channel.

    Attributes:
        first: Start of each channel's sum, with bias and input offset: int64[channels].
        constants: int64[channels][4], or [6] if signed; order as in
            lib/nn/src/cores/m0plus/dot.h.
        narrow: Bits a sum is shifted right before the fine product.
        fine: Bits the fine product is shifted right.
        signed: Whether negative sums need a correction.
        wide: Whether the bits that `narrow` shifts out have a fine product, too.
    """

    first: Values
    constants: Values
    narrow: int
    fine: int
    signed: bool
    wide: bool = False

    @property
    def kind(self) -> int:
        """SIGNED of dot.h."""
        return int(self.signed) + 2 * int(self.wide)


def rescaled(sums: Values, multiplier: Values, shift: Values) -> Values:
    """TFLite's MultiplyByQuantizedMultiplier, of int64 arrays that broadcast."""
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    value = ((sums << left) * multiplier + (1 << 30)) >> 31
    mask = (np.int64(1) << right) - 1
    rounded: Values = (value >> right) + ((value & mask) > (mask >> 1) + (value < 0))
    return rounded


def steps_of(
    output: Callable[[Values], Values], least: Values, most: Values, low: Values, levels: int
) -> Values:
    """The smallest sum whose output is at least low + 1 + level, for each channel and level."""
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


@dataclass(frozen=True)
class Sums:
    """What TFLite makes of the sums of a layer.

    Attributes:
        bias: Bias of each channel, the input offset not included.
        offset: Input offset times the sum of a channel's weights.
        multiplier, shift: Of each channel.
        least, most: Least and most sum of each channel.
        low, high, zero_point: Of the output.
    """

    bias: Values
    offset: Values
    multiplier: Values
    shift: Values
    least: Values
    most: Values
    low: int
    high: int
    zero_point: int

    def output(self, sums: Values) -> Values:
        """Outputs of sums [channels] or [channels][...]."""
        m, s = self.multiplier, self.shift
        if sums.ndim > 1:
            m, s = m[:, None], s[:, None]
        found: Values = np.clip(rescaled(sums, m, s) + self.zero_point, self.low, self.high)
        return found


def sums_of(step: Step, flat: Values) -> Sums | None:
    """The sums of a convolution or dense layer with weights `flat` [channels][taps], int64.

    Returns:
        None if a product may overflow: TFLite's wraps.
    """
    out = step.settings["out"]
    channels = len(flat)
    given = step.settings["bias"]
    bias = np.zeros(channels, np.int64) if given is None else given.values.astype(np.int64)
    offset = step.settings["in_offset"]
    multiplier = np.broadcast_to(out["multiplier"].values.astype(np.int64), channels)
    shift = np.broadcast_to(out["shift"].values.astype(np.int64), channels)
    gains, losses = np.maximum(flat, 0).sum(axis=1), np.minimum(flat, 0).sum(axis=1)
    least = bias + gains * (offset - 128) + losses * (offset + 127)
    most = bias + gains * (offset + 127) + losses * (offset - 128)
    left = np.maximum(shift, 0)
    if max(np.abs(least << left).max(), np.abs(most << left).max()) >= 2**30:
        return None
    limits = out["low"], out["high"], out["zero_point"]
    return Sums(bias, offset * flat.sum(axis=1), multiplier, shift, least, most, *limits)


def line(step: Step, weights: Values, wide: bool = False) -> Line | None:
    """The line of a convolution; None if no line is exact.

    Args:
        step: The convolution.
        weights: [channels][taps].
        wide: Whether the kernel has wide lines.
    """
    channels = len(weights)
    flat = weights.reshape(channels, -1).astype(np.int64)
    sums = sums_of(step, flat)
    if sums is None:
        return None
    least, most, output = sums.least, sums.most, sums.output
    multiplier, shift = sums.multiplier, sums.shift
    low, high = output(least), output(most)
    levels = int((high - low).max())
    if levels == 0:
        constants = np.stack([np.zeros_like(low)] * 3 + [low << FRACTION], axis=1)
        return Line(sums.bias + sums.offset, constants, 0, 8, False)
    steps = steps_of(output, least, most, low, levels)
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
    # Where counting begins decides which sums the shift by `narrow` rounds down.
    bits = int(top.max() + PLACES[-1]).bit_length()
    ways = [(places, n, False) for places in (PLACES[:1], PLACES) for n in range(NARROWEST + 1)]
    for places, narrow, wider in ways + ([(PLACES, n, True) for n in WIDE] if wide else []):
        fine = min(16, 32 - int(top.max() + places[-1]).bit_length() + narrow)
        if wider:
            fine = min(32 - narrow, 31 - bits + narrow)
        if fine - narrow < 1:
            continue
        left: Values = np.arange(channels)
        constants = np.zeros((channels, 4 + 2 * signed), np.int64)
        begin = base.copy()
        for more in places:
            found, fits = _fit(
                place[left] + more,
                np.where(flat_ones, 0, top + more)[left],
                base[left] - more,
                real[left],
                low[left],
                multiplier[left],
                shift[left],
                less[left] if signed else None,
                narrow,
                fine,
                wider,
            )
            constants[left[fits]] = found[fits]
            begin[left[fits]] -= more
            left = left[~fits]
            if not left.size:
                first = sums.bias + sums.offset - begin
                return Line(first, constants, narrow, fine - narrow, signed, wider)
    return None


def _fit(
    place: Values,
    top: Values,
    base: Values,
    real: Values,
    low: Values,
    multiplier: Values,
    shift: Values,
    less: Values | None,
    narrow: int,
    fine: int,
    wide: bool,
) -> tuple[Values, Values]:
    """Slopes and starts that are exact at every step.

    Returns:
        int64[channels][4], or [6] with `less`; bool[channels], where there are any.
    """
    exact = multiplier << np.maximum(0, FRACTION + fine + shift - 31)
    exact = exact >> np.maximum(0, 31 - FRACTION - fine - shift)
    wanted = (1 + np.arange(place.shape[1], dtype=np.int64)) << FRACTION
    coarse: Values = np.zeros(len(top), np.int64)
    fine_part: Values = np.zeros(len(top), np.int64)
    start: Values = np.zeros(len(top), np.int64)
    left = np.ones(len(top), bool)
    zero = -base

    for number in range(TRIES):
        slope = exact + (-number // 2 if number % 2 else number // 2)
        upper, lower = slope >> fine, slope & ((1 << fine) - 1)

        def at(sums: Values, upper: Values = upper, lower: Values = lower) -> Values:
            value: Values = sums * upper[:, None]
            product = (sums >> narrow) * lower[:, None]
            if wide:
                product += (sums & ((1 << narrow) - 1)) * lower[:, None] >> narrow
            value += product >> (fine - narrow)
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
    start = (start + (low << FRACTION)) & 0xFFFFFFFF
    start = np.where(start >= 2**31, start - 2**32, start)
    columns = [top, coarse, fine_part, start]
    if less is not None:
        columns += [zero, less]
    return np.stack(columns, axis=1), ~left
