"""CONV_2D: pairs of values times pairs of weights, a function for each shape (dot.h)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from otolith.compile.cores.m0plus.requantize import Line, line
from otolith.compile.cores.m0plus.taps import weights_as_code
from otolith.compile.graph import Array, Code, Graph, Step, Values
from otolith.compile.ops.common import LIMIT

HEADER = "cores/m0plus/m0plus_kernels.h"
SCRATCH = 1024  # bytes for packed rows, more only if one output needs more
UNROLLED = 64  # pairs, at most, without a loop
NEAR = 14  # pairs a short jump spans


def pairs(weights: Values, words: int) -> Values:
    """Weights [...][taps] -> int64[...][words]: (w1 << 16) + w0, filled up with 0."""
    filled = np.zeros((*weights.shape[:-1], 2 * words), np.int64)
    filled[..., : weights.shape[-1]] = weights
    return filled[..., 0::2] + (filled[..., 1::2] << 16)


def both_lowest(packed: Values) -> bool:
    """Is a pair -128, -128, whose products may not fit?"""
    return bool((packed == -128 - (128 << 16)).any())


@dataclass(frozen=True)
class Shape:
    """What the summing function of a convolution is made for, and how its rows lie in scratch."""

    words: int  # pairs of a row, or of a part of the one row, filled up
    rows: int  # without a loop
    loops: int
    block: int  # outputs that are packed together
    phases: int
    row: int  # pairs of a packed row, once

    @property
    def pairs(self) -> int:
        """Of one output."""
        return self.words * self.rows * self.loops


def shape_of(rows: int, taps: int, stride: int, outputs: int) -> Shape:
    """rows of `taps` neighbouring values; `outputs` a row of the output, `stride` values apart."""
    words = -(-taps // 2)

    def row(block: int) -> int:
        return (block - 1) * stride // 2 + words

    phases = 1 + stride % 2
    block = outputs if words <= UNROLLED else 1
    while block > 1 and rows * phases * row(block) * 4 > SCRATCH:
        block -= 1
    if block > 1 and rows > 1:
        together = max(n for n in range(1, rows + 1) if rows % n == 0 and n * words <= UNROLLED)
        return Shape(words, together, rows // together, block, phases, row(block))
    # One row, or rows that lie behind each other in scratch: one run of pairs.
    total = rows * words
    loops = 1 if total <= UNROLLED else -(-total // (UNROLLED // 2))
    part = -(-total // loops)
    return Shape(part, 1, loops, block, 1 if block == 1 else phases, row(block))


def stream(packed: Values, exact: Line, pairs_a_channel: int) -> Values:
    """packed int64[channels][pairs] -> what the summing function reads, in dot.h's order."""
    channels = len(packed)
    even = channels + channels % 2
    filled = np.zeros((even, pairs_a_channel), np.int64)
    filled[:channels, : packed.shape[1]] = packed
    first = np.zeros(even, np.int64)
    first[:channels] = exact.first
    constants = np.zeros((even, exact.constants.shape[1]), np.int64)
    constants[:channels] = exact.constants
    halves = [
        first.reshape(-1, 2),
        filled.reshape(-1, 2, pairs_a_channel).swapaxes(1, 2).reshape(even // 2, -1),
        constants.reshape(even // 2, -1),
    ]
    return np.concatenate(halves, axis=1).ravel()


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, where that is exact."""
    w = step.settings["window"]
    if optimize == "size" or (w["dilation_w"] != 1 and w["kernel_w"] > 1):
        return step
    in_code = weights_as_code(step, graph, HEADER)
    if in_code is not None:
        return in_code
    channels, rows, taps = w["out_c"], w["kernel_h"], w["kernel_w"] * w["in_c"]
    weights = step.settings["weights"].values.reshape(channels, rows, taps)
    stride = w["stride_w"] * w["in_c"]
    shape = shape_of(rows, taps, stride, w["out_w"])
    packed = pairs(weights, -(-taps // 2)).reshape(channels, -1)
    exact = line(step, weights)
    if exact is None or both_lowest(packed):
        return step
    row_bytes = 4 * shape.phases * shape.row
    skip = 0 if shape.block == 1 or rows == 1 else row_bytes - 4 * shape.words
    scratch = max(rows * row_bytes, 4 * ((shape.block - 1) * stride // 2 + shape.pairs))
    values = stream(packed, exact, shape.pairs)
    settings = {
        "batches": w["batches"],
        "in_h": w["in_h"],
        "in_columns": w["in_w"] * w["in_c"],
        "out_h": w["out_h"],
        "out_w": w["out_w"],
        "out_c": channels,
        "kernel_h": rows,
        "stride_h": w["stride_h"],
        "dilation_h": w["dilation_h"],
        "pad_h": w["pad_h"],
        "stride_columns": stride,
        "pad_columns": w["pad_w"] * w["in_c"],
        "block": shape.block,
        "words": shape.row,
        "phases": shape.phases,
        "fill": -step.settings["in_offset"],
        "row_bytes": row_bytes,
        "row_skip": skip,
        "span": shape.loops * shape.rows * (4 * shape.words + skip),
        "stream": Array("int32_t", values),
        "stream_words": values.size,
        "dot": function(shape, exact, skip > 0, channels % 2),
    }
    if max(settings[k] for k in ("in_columns", "stride_columns", "pad_columns", "span")) > LIMIT:
        return step
    return replace(
        step,
        kernel="nn_m0_conv_2d",
        struct="nn_m0_conv_2d_t",
        settings=settings,
        scratch=scratch,
        header=HEADER,
    )


def function(shape: Shape, exact: Line, skip: bool, odd: int) -> Code:
    """The summing function of a shape."""
    loop = 0
    if shape.loops > 1:
        loop = 1 if shape.words * shape.rows <= NEAR else 2
    numbers = (shape.words, shape.rows, loop, int(skip), exact.narrow, exact.fine)
    arguments = ", ".join(map(str, (*numbers, int(exact.signed), odd)))
    return Code(f"NN_M0_DOT({{name}}, {arguments})")
