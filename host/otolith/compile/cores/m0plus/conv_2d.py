"""CONV_2D: multiplies pairs of values with pairs of weights, by one function a shape (dot.h)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from otolith.compile.cores.m0plus import pieces
from otolith.compile.cores.m0plus.pieces import CACHED
from otolith.compile.cores.m0plus.requantize import Line, line
from otolith.compile.cores.m0plus.taps import weights_as_code
from otolith.compile.graph import Array, Code, Graph, Step, Values
from otolith.compile.ops.common import LIMIT

HEADER = "cores/m0plus/m0plus_kernels.h"
SCRATCH = 1024  # bytes for packed rows; more only if a single output needs more
UNROLLED = 64  # most pairs that are computed without a loop
GROUP = 8 << 10  # about so many are used for all pixels before the next, if there are more
SPREAD = 2  # most dilation along the width for which taps get zeros between them
NEAR = 14  # most pairs that a short jump crosses


def pairs(weights: Values, words: int) -> Values:
    """Packs weights [...][taps] into int64[...][words]: (w1 << 16) + w0, filled up with 0."""
    filled = np.zeros((*weights.shape[:-1], 2 * words), np.int64)
    filled[..., : weights.shape[-1]] = weights
    return filled[..., 0::2] + (filled[..., 1::2] << 16)


def both_lowest(packed: Values) -> bool:
    """Whether a pair is -128, -128: its products may not fit."""
    return bool((packed == -128 - (128 << 16)).any())


@dataclass(frozen=True)
class Shape:
    """The shape that a summing function is written for, and how packed rows lie in scratch.

    Attributes:
        words: Pairs of a row, filled up; or of one part of all rows together.
        rows: Rows that are computed without a loop.
        loops: How often these rows are repeated.
        block: Outputs that are packed together.
        phases: 2 if rows are packed twice, starting at the first and at the second value.
        row: Pairs of a packed row.
    """

    words: int
    rows: int
    loops: int
    block: int
    phases: int
    row: int

    @property
    def pairs(self) -> int:
        """Pairs of one output."""
        return self.words * self.rows * self.loops


def shape_of(rows: int, taps: int, stride: int, outputs: int) -> Shape:
    """Chooses the shape of a convolution.

    Args:
        rows: Rows of the kernel.
        taps: Neighbouring values in a row.
        stride: Values from one output to the next.
        outputs: Outputs in a row.
    """
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
    # One row, or rows that follow each other in scratch, are one run of pairs.
    total = rows * words
    loops = 1 if total <= UNROLLED else -(-total // (UNROLLED // 2))
    part = -(-total // loops)
    return Shape(part, 1, loops, block, 1 if block == 1 else phases, row(block))


def stream(packed: Values, exact: Line, pairs_a_channel: int) -> Values:
    """The constants that the summing function reads, in the order of dot.h.

    packed: int64[channels][pairs].
    """
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


def group_of(channels: int, words: int, pixels: int) -> int:
    """Channels that are computed for all pixels before the next ones.

    Args:
        channels: Of the output.
        words: Constants of two channels.
        pixels: Outputs that each read the constants.
    """
    if channels % 2 or pixels == 1 or 2 * words * channels <= CACHED:
        return channels
    return min(channels, 2 * max(1, GROUP // (4 * words)))


def _apart(step: Step) -> Step:
    """A convolution that is dilated along the width as one that is not, with zeros between taps."""
    w = step.settings["window"]
    dilation, taps = w["dilation_w"], w["kernel_w"]
    reach = (taps - 1) * dilation + 1
    plain = step.settings["weights"].values.reshape(w["out_c"], w["kernel_h"], taps, w["in_c"])
    wide = np.zeros((w["out_c"], w["kernel_h"], reach, w["in_c"]), plain.dtype)
    wide[:, :, ::dilation] = plain
    window = {**w, "kernel_w": reach, "dilation_w": 1}
    weights = Array(step.settings["weights"].ctype, wide)
    return replace(step, settings={**step.settings, "window": window, "weights": weights})


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, if that is exact."""
    w = step.settings["window"]
    if optimize == "size":
        return step
    if w["dilation_w"] != 1 and w["kernel_w"] > 1:
        apart = _apart(step)
        found = choose(apart, graph, optimize) if w["dilation_w"] <= SPREAD else apart
        return step if found is apart else found
    in_code = weights_as_code(step, graph, HEADER)
    if in_code is not None:
        return in_code
    channels, rows, taps = w["out_c"], w["kernel_h"], w["kernel_w"] * w["in_c"]
    weights = step.settings["weights"].values.reshape(channels, rows, taps)
    stride = w["stride_w"] * w["in_c"]
    shape = shape_of(rows, taps, stride, w["out_w"])
    packed = pairs(weights, -(-taps // 2)).reshape(channels, -1)
    exact = line(step, weights, wide=True)
    if exact is None or both_lowest(packed):
        return step
    row_bytes = 4 * shape.phases * shape.row
    skip = 0 if shape.block == 1 or rows == 1 else row_bytes - 4 * shape.words
    scratch = max(rows * row_bytes, 4 * ((shape.block - 1) * stride // 2 + shape.pairs))
    values = stream(packed, exact, shape.pairs)
    pair = values.size // -(-channels // 2)
    group = group_of(channels, pair, w["out_h"] * w["out_w"])
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
        "group_words": pair * -(-group // 2),
        "group_channels": group,
        "fetch": pieces.NONE,
        "dot": function(shape, exact, skip > 0, channels % 2),
    }
    if max(settings[k] for k in ("in_columns", "stride_columns", "pad_columns", "span")) > LIMIT:
        return step
    found = replace(
        step,
        kernel="nn_m0_conv_2d",
        struct="nn_m0_conv_2d_t",
        settings=settings,
        scratch=scratch,
        header=HEADER,
    )
    if pieces.worth(step, graph, 4 * values.size):
        return pieces.fetching(found, values.size, settings["group_words"])
    return found


def function(shape: Shape, exact: Line, skip: bool, odd: int) -> Code:
    """The summing function of a shape, as C."""
    loop = 0
    if shape.loops > 1:
        loop = 1 if shape.words * shape.rows <= NEAR else 2
    numbers = (shape.words, shape.rows, loop, int(skip), exact.narrow, exact.fine)
    arguments = ", ".join(map(str, (*numbers, exact.kind, odd)))
    return Code(f"NN_M0_DOT({{name}}, {arguments})")
