"""LOGISTIC, as a table of 256 entries."""

from otolith.compile.arithmetic import logistic_table
from otolith.compile.graph import Array, Graph, Operation, Step
from otolith.compile.ops import common


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x,), _ = common.operands(graph, op, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    common.same(op, out.shape, x.shape, "output shape")
    common.same(op, out.zero_point, -128, "output zero point")
    table = Array("int8_t", logistic_table(x.scale, x.zero_point))
    settings = {"count": x.count, "table": table}
    places = common.overwritable(graph, op)
    return Step(
        op.name, "nn_lookup", "nn_lookup_t", settings, (x.index,), out.index, in_place=places
    )
