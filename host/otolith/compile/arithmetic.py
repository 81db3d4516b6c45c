"""Multipliers, ranges and tables that TensorFlow Lite Micro computes before it runs a network.

They are computed here, in double precision as in TFLM's Prepare functions, so the chip needs no
floating point. gemmlowp's fixed-point functions are reproduced in integers.
"""

from __future__ import annotations

import math

import numpy as np

from otolith.compile.graph import Values
from otolith.errors import UserError

INT32_MAX = 2**31 - 1
ACTIVATIONS = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}


def round_half_away(x: float) -> int:
    """Rounds as C's round() does: half away from zero."""
    return math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Splits a factor for MultiplyByQuantizedMultiplier.

    Args:
        real: The factor, 0 or more.

    Returns:
        multiplier in [2^30, 2^31) and shift, with real = multiplier * 2^(shift - 31).

    Raises:
        UserError: The factor is too large.
    """
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        raise UserError(f"a rescaling by {real:g} is too large: the model's scales are damaged")
    return multiplier, shift


def activation_range(
    activation: float, scale: float, zero_point: int, where: str
) -> tuple[int, int]:
    """Limits of a fused activation in int8, as CalculateActivationRangeQuantized() computes them.

    Args:
        activation: TensorFlow Lite's number of it.
        scale: Of the output.
        zero_point: Of the output.
        where: Begins the message of an error.

    Raises:
        UserError: The activation is not supported, or leaves no value.
    """
    name = ACTIVATIONS.get(int(activation))
    if name is None:
        raise UserError(f"{where}: fused activation {int(activation)} is not supported")

    def quantized(value: float) -> int:
        return zero_point + round_half_away(float(np.float32(value) / np.float32(scale)))

    low, high = -128, 127
    if name in ("RELU", "RELU6"):
        low = max(low, quantized(0.0))
    if name == "RELU6":
        high = min(high, quantized(6.0))
    if name == "RELU_N1_TO_1":
        low, high = max(low, quantized(-1.0)), min(high, quantized(1.0))
    if low > high:
        raise UserError(f"{where}: fused activation leaves no value: the scales are damaged")
    return low, high


def multiply(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul: (a * b + 2^30) >> 31."""
    return (a * b + 2**30) >> 31


def round_shift(x: int, exponent: int) -> int:
    """gemmlowp's RoundingDivideByPOT: x / 2^exponent, rounded half away from zero."""
    mask = (1 << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def rescale(x: int, multiplier: int, shift: int) -> int:
    """TFLite's MultiplyByQuantizedMultiplier: x * multiplier * 2^(shift - 31)."""
    if shift > 0:
        return multiply((x << shift), multiplier)
    return round_shift(multiply(x, multiplier), -shift)


def _saturate(x: int) -> int:
    return max(-(2**31), min(INT32_MAX, x))


def exp_of_negative(raw: int, integer_bits: int) -> int:
    """e^x in Q31 for x <= 0, as gemmlowp's exp_on_negative_values().

    Args:
        raw: x in fixed point with `integer_bits` integer bits.
        integer_bits: Number of integer bits.
    """
    if raw == 0:
        return INT32_MAX
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    inside = (raw & (quarter - 1)) - quarter  # [-1/4, 0)
    x = (inside << integer_bits) + (1 << 28)  # around -1/8, Q31
    x2 = multiply(x, x)
    x3, x4 = multiply(x2, x), multiply(x2, x2)
    series = round_shift(multiply(round_shift(x4, 2) + x3, 715827883) + x2, 1)
    result = 1895147668 + multiply(1895147668, x + series)
    remainder = inside - raw
    factors = {
        -2: 1672461947,
        -1: 1302514674,
        0: 790015084,
        1: 290630308,
        2: 39332535,
        3: 720401,
        4: 242,
    }
    for exponent, factor in factors.items():
        if integer_bits > exponent and remainder & (1 << (fraction_bits + exponent)):
            result = multiply(result, factor)
    return result


def reciprocal_of_one_plus(a: int) -> int:
    """1 / (1 + a) in Q31 for a in [0, 1), as gemmlowp's one_over_one_plus_x_for_x_in_0_1()."""
    half = (a + INT32_MAX + 1) >> 1
    x = 1515870810 + multiply(half, -1010580540)
    for _ in range(3):
        x += _saturate(multiply((1 << 29) - multiply(half, x), x) << 2)
    return _saturate(x << 1)


def one_minus_over_one_plus(a: int) -> int:
    """(1 - a) / (1 + a) in Q31 for a in [0, 1], as gemmlowp's function of that name."""
    half = (a + INT32_MAX + 1) >> 1
    x = 1515870810 + multiply(half, -1010580540)
    for _ in range(3):
        x += _saturate(multiply((1 << 29) - multiply(half, x), x) << 2)
    return _saturate((x - (1 << 29)) << 2)


def tanh_table(scale: float, zero_point: int) -> Values:
    """The output of TANH for every int8 input, as reference_integer_ops::Tanh() computes it.

    Returns:
        int8[256], for inputs from -128 on.
    """
    fraction, shift = math.frexp(float(np.float32(scale)) * 2**27)
    multiplier = round_half_away(fraction * 2**31)
    radius = math.floor(15 * 2**27 / 2**shift) if shift >= 0 else 2**31
    table = []
    for x in range(-128 - zero_point, 128 - zero_point):
        if abs(x) >= radius:
            table.append(127 if x > 0 else -128)
            continue
        raw = rescale(x, multiplier, shift)
        value = 0
        if raw:
            value = one_minus_over_one_plus(exp_of_negative(-abs(raw), 5))
            value = value if raw > 0 else -value
        table.append(max(-128, min(127, round_shift(value, 24))))
    return np.array(table, np.int8)


def _toward_zero(a: int, b: int) -> int:
    """a / b as C divides integers."""
    return abs(a) // b * (1 if a >= 0 else -1)


def _half_multiplier(real: float) -> tuple[int, int]:
    """quantize_multiplier() with a multiplier of 16 bits."""
    multiplier, shift = quantize_multiplier(real)
    return min(32767, (multiplier + 2**15) >> 16), shift


def _high_multiply_16(a: int, b: int) -> int:
    """gemmlowp's SaturatingRoundingDoublingHighMul of int16."""
    product = a * b
    nudge = 2**14 if product >= 0 else 1 - 2**14
    return min(32767, _toward_zero(product + nudge, 2**15))


def hard_swish_table(scale: float, zero_point: int, out_scale: float, out_zero: int) -> Values:
    """The output of HARD_SWISH for every int8 input, as reference_ops::HardSwish() computes it.

    Returns:
        int8[256], for inputs from -128 on.

    Raises:
        UserError: The output's scale is too small.
    """
    fine = np.float32(scale) * np.float32(1 / 128)
    output, output_shift = _half_multiplier(float(fine / np.float32(out_scale)))
    reluish, reluish_shift = _half_multiplier(float(fine / np.float32(3 / 32768)))
    if output_shift > 0:
        raise UserError(f"HARD_SWISH: output scale {out_scale:g} is too small")

    def clamp_16(value: int) -> int:
        return max(-32768, min(32767, value))

    table = []
    for q in range(-128, 128):
        x = clamp_16((q - zero_point) * 128)
        share = clamp_16(x << (reluish_shift - 1)) if reluish_shift > 0 else x
        share = _high_multiply_16(share, reluish)
        if reluish_shift > 0:
            share = clamp_16(share << 1)
        elif reluish_shift < 0:
            share = round_shift(share, -reluish_shift)
        share = (share + 2**15) >> 1
        product = _toward_zero(share * _high_multiply_16(x, output), 2**15)
        table.append(max(-128, min(127, round_shift(product, -output_shift) + out_zero)))
    return np.array(table, np.int8)


def _inverse_root(x: int) -> tuple[int, int]:
    """1 / sqrt(x) for x = 1 .. 255 as a multiplier and a shift.

    As TensorFlow Lite's GetInvSqrtQuantizedMultiplierExp: five steps of Newton's method from 1, in
    fixed point with three integer bits.
    """
    if x == 1:
        return INT32_MAX, 0
    pairs = (31 - x.bit_length()) // 2 - 1  # of bits, which leave x in 2^27 .. 2^29
    half = round_shift(x << (2 * pairs) >> 1, 1)
    root = 1 << 28
    for _ in range(5):
        cube = _saturate(multiply(multiply(root, root), root) << 6)
        root = _saturate((multiply(3 << 27, root) - multiply(half, cube)) << 3)
    return multiply(root, 1518500250), -(11 - pairs)  # sqrt(1/2)


def inverse_root_table(scale: float, zero_point: int, out_scale: float, out_zero: int) -> Values:
    """RSQRT of each int8, as TensorFlow Lite Micro computes it.

    It stops at values below 0, for which 1 / sqrt(x) is not defined; here they give the largest
    value, as 0 does.
    """
    ratio = quantize_multiplier(
        float(1.0 / np.float64(np.sqrt(np.float32(scale)) * np.float32(out_scale)))
    )
    kept = 20  # bits after the point
    table = []
    for x in range(-128 - zero_point, 128 - zero_point):
        if x <= 0:
            table.append(127)
            continue
        root, shift = _inverse_root(x)
        value = rescale(rescale(1, root, shift + kept), ratio[0], ratio[1] - kept)
        table.append(max(-128, min(127, value + out_zero)))
    return np.array(table, np.int8)


def logistic_table(scale: float, zero_point: int) -> Values:
    """The output of LOGISTIC for every int8 input, as reference_integer_ops::Logistic().

    Returns:
        int8[256], for inputs from -128 on.
    """
    real = float(np.float32(scale)) * 2**27
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * 2**31)
    radius = math.floor(15 * 2**27 / 2**shift) if shift >= 0 else 2**31
    table = []
    for q in range(-128, 128):
        x = q - zero_point
        if x <= -radius:
            table.append(-128)
        elif x >= radius:
            table.append(127)
        else:
            raw = rescale(x, multiplier, shift)
            if raw == 0:
                value = 1 << 30
            else:
                value = reciprocal_of_one_plus(exp_of_negative(-abs(raw), 4))
                value = value if raw > 0 else INT32_MAX - value
            table.append(max(-128, min(127, round_shift(value, 23) - 128)))
    return np.array(table, np.int8)


def softmax_table(scale: float, beta: float) -> Values:
    """The exponentials of SOFTMAX: e^(-d * scale * beta) in Q31 for distances d = 0, 1, ...

    Returns:
        int32[256] or shorter: larger distances count as 0.

    Raises:
        UserError: The scale is too small.
    """
    real = min(float(beta) * float(scale) * 2**26, 2.0**31 - 1)
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift < 0:
        raise UserError(f"SOFTMAX: scale {scale:g} is too small: use the tflm engine")
    radius = math.floor(31 * 2**26 / 2**shift)
    return np.array(
        [
            exp_of_negative(multiply(-distance << shift, multiplier), 5)
            for distance in range(min(255, radius) + 1)
        ],
        np.int32,
    )
