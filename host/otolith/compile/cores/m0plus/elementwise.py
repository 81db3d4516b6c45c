"""ADD, SUB and MUL by a straight line, proven for every pair of inputs.

TFLite brings two int8 to one scale, adds or multiplies them and rescales, with several roundings.
All 65,536 results are computed here. A line in fixed point equals them if each pair's value lies
between the bounds of its result. For given slopes that leaves an interval for the line's start, so
only slopes near the exact ones are tried.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from otolith.compile.cores.m0plus.conv_2d import HEADER
from otolith.compile.cores.m0plus.requantize import rescaled
from otolith.compile.graph import Graph, Settings, Step, Values

SHIFTS = {22: "", 20: "_wide"}  # fractional bits and the kernels' endings, as in elementwise.c
FINE = 14
TRIES = 16  # slopes that are tried on either side of the exact one
FINE_TRIES = 64
INT8 = np.arange(-128, 128, dtype=np.int64)
FAR = 1 << 40  # no bound
INT32 = 1 << 31


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, if operands lie in runs and a line is exact."""
    runs = runs_of(step.settings["shape"])
    for shift, ending in SHIFTS.items() if runs is not None else ():
        line = _line(step, shift)
        if line is not None:
            kind = "mul" if step.kernel == "nn_mul" else "add"
            limits = {name: step.settings[name] for name in ("low", "high")}
            settings = {"run": runs, **line, **limits}
            struct, kernel = f"nn_m0_{kind}_t", f"nn_m0_{kind}{ending}"
            return replace(step, kernel=kernel, struct=struct, settings=settings, header=HEADER)
    return step


def runs_of(shape: Settings) -> Settings | None:
    """The nn_m0_runs_t of two operands; None if neither has the output's shape, or if the other
    repeats within a run."""
    dims = shape["dims"]
    strides = {name: shape[f"stride_{name}"] for name in "ab"}
    whole = [int(np.prod(dims[axis + 1 :])) for axis in range(4)]
    count, axis = 1, 3
    while axis >= 0 and all(dims[axis] == 1 or s[axis] == whole[axis] for s in strides.values()):
        count *= dims[axis]
        axis -= 1
    runs = int(np.prod(dims[: axis + 1]))
    steps = {}
    for name, s in strides.items():
        rest = [s[k] for k in range(axis + 1) if dims[k] > 1]
        full = [whole[k] for k in range(axis + 1) if dims[k] > 1]
        if rest not in (full, [0] * len(rest)):
            return None
        steps[name] = count if rest == full else 0
    if min(dims) < 1 or (count == 1 and runs > 1):
        return None
    return {"runs": runs, "count": count, "step_a": steps["a"], "step_b": steps["b"]}


def _line(step: Step, shift: int) -> Settings | None:
    if step.kernel == "nn_mul":
        return _product(step.settings, shift)
    return line_of_sum(step.settings, -1 if step.kernel == "nn_sub" else 1, shift)


def _near(tries: int) -> Iterator[tuple[int, int]]:
    """Pairs of small numbers, the smallest first."""
    offsets = range(-tries, tries + 1)
    yield from sorted(itertools.product(offsets, offsets), key=lambda pair: max(map(abs, pair)))


def _bounds(result: Values, low: int, high: int, shift: int) -> tuple[Values, Values]:
    """Least and most that the line may be for each result, which is limited to low..high."""
    least = np.where(result > low, result << shift, -FAR)
    return least, np.where(result < high, ((result + 1) << shift) - 1, FAR)


def _start(bounds: tuple[Values, Values], line: Values) -> int | None:
    """A start that brings `line` between its bounds everywhere, if there is one."""
    if line.size == 0:
        return 0
    low, high = int(line.min()), int(line.max())
    if low < -INT32 or high >= INT32:
        return None
    least = max(int((bounds[0] - line).max()), -INT32 - min(low, 0))
    most = min(int((bounds[1] - line).min()), INT32 - 1 - max(high, 0))
    return (least + most) >> 1 if least <= most else None


def line_of_sum(given: Settings, sign: int, shift: int) -> Settings | None:
    """A line that equals a sum for all operands, if there is one.

    Args:
        given: Settings of nn_add or nn_sub.
        sign: -1 to subtract.
        shift: Fractional bits.

    Returns:
        Slopes and start of nn_m0_add_t.
    """
    if given["a_shift"] > 0 or given["b_shift"] > 0 or given["out_shift"] > 0:
        return None

    def operand(name: str) -> Values:
        value = (INT8 + given[f"{name}_offset"]) << 20
        return _rescaled(value, given[f"{name}_multiplier"], given[f"{name}_shift"])

    a, b = operand("a")[:, None], sign * operand("b")[None, :]
    exact = _rescaled(a + b, given["out_multiplier"], given["out_shift"]) + given["zero_point"]
    result = np.clip(exact, given["low"], given["high"])
    bounds = _bounds(result, given["low"], given["high"], shift)
    # Only next to a step of the result can a line be on the wrong side of it.
    at = np.nonzero(_steps(result))
    near = bounds[0][at], bounds[1][at]
    x, y = INT8[at[0]], INT8[at[1]]
    out = given["out_multiplier"] * 2.0 ** (given["out_shift"] - 31 + 20 + shift)
    first, second = (
        round(out * given[f"{name}_multiplier"] * 2.0 ** (given[f"{name}_shift"] - 31))
        for name in "ab"
    )
    for i, j in _near(TRIES):
        one, other = first + i, sign * second + j
        if _start(near, x * one + y * other) is None:
            continue
        start = _start(bounds, INT8[:, None] * one + INT8[None, :] * other)
        if start is not None:
            return {"a": one, "b": other, "start": start}
    return None


def _steps(result: Values) -> Values:
    """Whether a neighbour of each result is another one."""
    found = np.zeros(result.shape, bool)
    down, right = result[1:] != result[:-1], result[:, 1:] != result[:, :-1]
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= right
    found[:, :-1] |= right
    return found


def _product(given: Settings, shift: int) -> Settings | None:
    """Slopes and starts of nn_m0_mul_t."""
    a, b = (INT8 + given[f"{name}_offset"] for name in "ab")
    product = np.unique(a[:, None] * b[None, :])
    if given["shift"] > 0 and np.abs(product << given["shift"]).max() >= 2**31:
        return None  # TFLite's overflows
    exact = _rescaled(product, given["multiplier"], given["shift"]) + given["zero_point"]
    result = np.clip(exact, given["low"], given["high"])
    slope = given["multiplier"] * 2.0 ** (given["shift"] - 31 + shift)
    coarse = int(slope)
    fine = round((slope - coarse) * 2**FINE)
    if int(np.abs(product).max()) * max(coarse, 2 ** (FINE + 1)) >= 2**31:
        return None
    halves = [product >= 0, product < 0]
    bounds = [_bounds(result[half], given["low"], given["high"], shift) for half in halves]
    for more in sorted(range(-FINE_TRIES, FINE_TRIES + 1), key=abs):
        line = product * coarse + (product * (fine + more) >> FINE)
        starts = [_start(bound, line[half]) for bound, half in zip(bounds, halves, strict=True)]
        if None not in starts:
            offsets = {"a_offset": given["a_offset"], "b_offset": given["b_offset"]}
            slopes = {"coarse": coarse, "fine": fine + more}
            return {**offsets, **slopes, "start": starts[0], "negative": starts[1]}
    return None


def _rescaled(values: Values, multiplier: int, shift: int) -> Values:
    return rescaled(values, np.asarray(multiplier, np.int64), np.asarray(shift, np.int64))
