"""ADD with broadcasting."""

from otolith.compile.arithmetic import quantize_multiplier
from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common
from otolith.errors import UserError


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    return sum_of(graph, op, "nn_add")


def sum_of(graph: Graph, op: Operation, kernel: str) -> Step:
    """Lowers ADD or SUB: both bring their operands to one scale and have the same settings."""
    (a, b), _ = common.operands(graph, op, 2)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, a, b, out)
    twice = 2 * float(max(a.scale, b.scale))
    real = [float(a.scale) / twice, float(b.scale) / twice, twice / (2**20 * float(out.scale))]
    if real[2] >= 1:
        raise UserError(f"{common.where(op)}: output scale {out.scale:g} is far too small")
    (am, ash), (bm, bsh), (om, osh) = (quantize_multiplier(r) for r in real)
    low, high = common.activation(op, out)
    settings = {
        "shape": common.broadcast(op, a, b, out),
        "a_offset": -a.zero_point,
        "b_offset": -b.zero_point,
        "a_multiplier": am,
        "b_multiplier": bm,
        "out_multiplier": om,
        "a_shift": ash,
        "b_shift": bsh,
        "out_shift": osh,
        "zero_point": out.zero_point,
        "low": low,
        "high": high,
    }
    places = common.overwritable(graph, op)
    inputs = (a.index, b.index)
    return Step(op.name, kernel, "nn_add_t", settings, inputs, out.index, in_place=places)
