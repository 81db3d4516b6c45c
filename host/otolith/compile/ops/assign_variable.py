"""READ_VARIABLE and ASSIGN_VARIABLE: copies from and to the memory of a variable (variables.py)."""

from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common
from otolith.compile.ops.move import movable, move


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x,), _ = common.operands(graph, op, 1)
    out = graph.tensors[op.outputs[0]]
    movable(op, x, out)
    common.same(op, out.count, x.count, "number of elements")
    return move(op, x, out, (x.count,), (0, (1,)), (0, (1,)))
