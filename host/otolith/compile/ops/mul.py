"""MUL with broadcasting."""

from otolith.compile.arithmetic import quantize_multiplier
from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (a, b), _ = common.operands(graph, op, 2)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, a, b, out)
    multiplier, shift = quantize_multiplier(float(a.scale) * float(b.scale) / float(out.scale))
    low, high = common.activation(op, out)
    settings = {
        "shape": common.broadcast(op, a, b, out),
        "a_offset": -a.zero_point,
        "b_offset": -b.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": out.zero_point,
        "low": low,
        "high": high,
    }
    places = common.overwritable(graph, op)
    inputs = (a.index, b.index)
    return Step(op.name, "nn_mul", "nn_mul_t", settings, inputs, out.index, in_place=places)
