"""RESHAPE, SQUEEZE and EXPAND_DIMS: the same bytes with another shape, so no code."""

from otolith.compile.graph import Alias, Graph, Operation
from otolith.compile.ops import common


def lower(graph: Graph, op: Operation) -> Alias:
    """Lowers the operation (ops.lower)."""
    (x,), _ = common.operands(graph, op, 1, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    common.same(op, out.count, x.count, "number of elements")
    return Alias(x.index, out.index)
