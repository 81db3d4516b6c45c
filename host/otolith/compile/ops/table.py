"""Functions of one int8, as tables of 256 entries."""

from __future__ import annotations

import numpy as np

from otolith.compile.arithmetic import (
    hard_swish_table,
    inverse_root_table,
    quantize_multiplier,
    rescale,
    tanh_table,
)
from otolith.compile.graph import Array, Graph, Operation, Step, Tensor, Values
from otolith.compile.ops import common
from otolith.errors import UserError


def _tanh(op: Operation, x: Tensor, out: Tensor) -> Values:
    common.same(op, (out.scale, out.zero_point), (1 / 128, 0), "output scale and zero point")
    return tanh_table(x.scale, x.zero_point)


def _hard_swish(op: Operation, x: Tensor, out: Tensor) -> Values:
    return hard_swish_table(x.scale, x.zero_point, out.scale, out.zero_point)


def _pieces(x: Tensor, out: Tensor, above: float, below: float) -> Values:
    """A line above zero and another below. above, below: their slopes times the scales' ratio."""
    positive, negative = quantize_multiplier(above), quantize_multiplier(abs(below))
    table = []
    for value in range(-128 - x.zero_point, 128 - x.zero_point):
        if value >= 0:
            scaled = rescale(value, *positive)
        else:
            scaled = rescale(value if below >= 0 else -value, *negative)
        table.append(max(-128, min(127, scaled + out.zero_point)))
    return np.array(table, np.int8)


def _leaky_relu(op: Operation, x: Tensor, out: Tensor) -> Values:
    alpha = np.float32(op.options["alpha"])
    if not 0 <= alpha < 1e6:
        raise UserError(f"{common.where(op)}: alpha {alpha:g}: use the tflm engine")
    scale, to = np.float32(x.scale), np.float32(out.scale)
    return _pieces(x, out, float(scale / to), float(scale * alpha / to))


def _abs(op: Operation, x: Tensor, out: Tensor) -> Values:
    ratio = float(np.float32(x.scale) / np.float32(out.scale))
    return _pieces(x, out, ratio, -ratio)


def _rsqrt(op: Operation, x: Tensor, out: Tensor) -> Values:
    return inverse_root_table(x.scale, x.zero_point, out.scale, out.zero_point)


TABLES = {
    "TANH": _tanh,
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky_relu,
    "ABS": _abs,
    "RSQRT": _rsqrt,
}


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x,), _ = common.operands(graph, op, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    common.same(op, out.shape, x.shape, "output shape")
    settings = {"count": x.count, "table": Array("int8_t", TABLES[op.name](op, x, out))}
    places = common.overwritable(graph, op)
    return Step(
        op.name, "nn_lookup", "nn_lookup_t", settings, (x.index,), out.index, in_place=places
    )
