"""MAXIMUM and MINIMUM with broadcasting. TFLM compares the int8 values, whatever their scales."""

from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (a, b), _ = common.operands(graph, op, 2)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, a, b, out)
    settings = {"shape": common.broadcast(op, a, b, out)}
    return Step(
        op.name,
        f"nn_{op.name.lower()}",
        "nn_maximum_t",
        settings,
        (a.index, b.index),
        out.index,
        in_place=common.overwritable(graph, op),
    )
