"""FULLY_CONNECTED: two outputs at a time, four weights a word (dense.h).

If no line is exact for all outputs: four outputs at a time, rescaled as TFLite does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from otolith.compile.cores.m0plus import pieces
from otolith.compile.cores.m0plus.conv_2d import HEADER, both_lowest, pairs
from otolith.compile.cores.m0plus.requantize import Line, line
from otolith.compile.graph import Array, Code, Graph, Step, Values

TOGETHER = 4  # fully_connected.c
UNROLLED = 4  # words of a turn, dense.h
LONGEST = 8192  # inputs whose pairs are kept in working memory


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel; not for few outputs, where filling up costs more."""
    s = step.settings
    inputs, outputs = s["inputs"], s["outputs"]
    if s["weight_offset"] or outputs < TOGETHER - 1:
        return step
    return dense(step, graph) or four(step, inputs, outputs)


def dense(step: Step, graph: Graph) -> Step | None:
    """The step on nn_m0_dense; None if that is not exact."""
    s = step.settings
    inputs, outputs = s["inputs"], s["outputs"]
    weights = s["weights"].values.reshape(outputs, inputs)
    words = -(-inputs // (2 * UNROLLED)) * UNROLLED
    exact = line(step, weights, wide=True)
    if exact is None or both_lowest(pairs(weights, -(-inputs // 2))) or inputs > LONGEST:
        return None
    values = stream(weights, exact, words)
    pair = values.size // -(-outputs // 2)
    together = max(1, pieces.PIECE // (4 * pair))
    settings = {
        **{key: s[key] for key in ("batches", "inputs", "outputs")},
        "words": words,
        "stream": Array("int32_t", values),
        "stream_words": values.size,
        "piece_words": pair * together,
        "piece_outputs": 2 * together,
        "fetch": pieces.NONE,
        "dense": Code(f"NN_M0_DENSE({{name}}, {exact.narrow}, {exact.fine}, {exact.kind})"),
    }
    kernel = "nn_m0_dense"
    found = replace(
        step,
        kernel=kernel,
        struct=kernel + "_t",
        settings=settings,
        scratch=4 * words,
        header=HEADER,
    )
    if pieces.worth(step, graph, 4 * values.size):
        return pieces.fetching(found, values.size, min(pair * together, values.size))
    return found


def stream(weights: Values, exact: Line, words: int) -> Values:
    """The constants, in the order of dense.h. weights: [outputs][inputs]."""
    outputs, inputs = weights.shape
    even = outputs + outputs % 2
    filled = np.zeros((even, 2 * words), np.int64)
    filled[:outputs, :inputs] = weights
    first = np.zeros(even, np.int64)
    first[:outputs] = exact.first
    lines = np.zeros((even, exact.constants.shape[1]), np.int64)
    lines[:outputs] = exact.constants
    # [pair of outputs][output][pair of values][value] -> four bytes of a word
    biased = (filled + 128).reshape(even // 2, 2, words, 2)
    shifts = np.array([[0, 16], [8, 24]])[None, :, None, :]
    packed = (biased << shifts).sum(axis=(1, 3))
    packed = np.where(packed >= 2**31, packed - 2**32, packed)
    parts = [first.reshape(-1, 2), packed, lines.reshape(even // 2, -1)]
    found: Values = np.concatenate(parts, axis=1).ravel()
    return found


def four(step: Step, inputs: int, outputs: int) -> Step:
    """The step on nn_m0_fully_connected, which loads an input once for four outputs."""
    s = step.settings
    weights = s["weights"].values.reshape(outputs, inputs)
    filled = np.zeros((-(-outputs // TOGETHER) * TOGETHER, inputs), np.int64)
    filled[:outputs] = weights
    bias = np.zeros(outputs, np.int64) if s["bias"] is None else s["bias"].values.astype(np.int64)
    bias = bias + s["in_offset"] * weights.astype(np.int64).sum(axis=1)
    bias = (bias + 2**31) % 2**32 - 2**31  # sums wrap, as on the chip
    settings = {
        "out": s["out"],
        "weights": Array("int8_t", filled.reshape(-1, TOGETHER, inputs).swapaxes(1, 2).ravel()),
        "bias": Array("int32_t", bias),
        **{key: s[key] for key in ("batches", "inputs", "outputs")},
    }
    kernel = "nn_m0_fully_connected"
    return replace(step, kernel=kernel, struct=kernel + "_t", settings=settings, header=HEADER)
