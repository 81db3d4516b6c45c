"""Blocks of weights and the short requantisation, which several kernels share."""

from __future__ import annotations

import numpy as np

from otolith.compile.graph import Array, Settings, Step, Values

HEADER = "cores/dsp/dsp_kernels.h"
BLOCK = 4  # values that are widened together
ORDER = (0, 2, 1, 3)  # in which SXTB16 leaves them
GROWTH = 2.25  # most growth of weights that are stored as 16-bit values in whole blocks
SMALL, GROWTH_OF_SMALL = 4096, 4  # bytes that may grow more: widths far from whole blocks


def filled(values: Values, axis: int, multiple: int) -> Values:
    """Fills an axis with zeros at its end, up to a multiple."""
    amounts = [(0, 0)] * values.ndim
    amounts[axis] = (0, -values.shape[axis] % multiple)
    return np.pad(values, amounts)


def may_widen(packed: Values, plain: Values) -> bool:
    """Whether weights may be stored as 16-bit values."""
    growth = GROWTH if 2 * packed.size > SMALL else GROWTH_OF_SMALL
    return bool(2 * packed.size <= growth * plain.size)


def output(step: Step, weights: Values, scale: int) -> Settings | None:
    """The nn_dsp_out_t of a step.

    Args:
        step: The step.
        weights: [channels][...].
        scale: Factor of the kernel's sums; 2 with doubled weights.

    Returns:
        None if the short requantisation is not exact.
    """
    out = step.settings["out"]
    channels = len(weights)
    flat = weights.reshape(channels, -1).astype(np.int64)
    given = step.settings["bias"]
    bias = np.zeros(channels, np.int64) if given is None else given.values.astype(np.int64)
    bias = bias + step.settings["in_offset"] * flat.sum(axis=1)
    multiplier = np.broadcast_to(out["multiplier"].values.astype(np.int64), channels)
    shift = -np.broadcast_to(out["shift"].values.astype(np.int64), channels)
    if (shift < 1).any():
        return None
    rounding = (1 << (shift - 1)) + (out["zero_point"] << shift)
    largest = np.abs(flat).sum(axis=1) * 128 + np.abs(bias)
    product = (largest * multiplier >> 31) + 2
    if (2 * largest >= 2**31).any() or (product + np.abs(rounding) >= 2**31).any():
        return None
    rows = filled(np.stack([scale * bias, multiplier, rounding, shift], axis=1), 0, 2)
    low, high = out["low"], out["high"]
    return {
        "channels": Array("int32_t", rows),
        "low": low,
        "high": high,
        "limited": int((low, high) != (-128, 127)),
    }


def pairs_of(blocks: Values, factor: Values | int = 2) -> Array:
    """Packs blocks [...][4], times a factor, as pairs of 16-bit values, in SXTB16's order."""
    halves = (blocks[..., ORDER].astype(np.int64) * factor).astype("<i2")
    return Array("uint32_t", np.ascontiguousarray(halves).view("<u4").ravel())
