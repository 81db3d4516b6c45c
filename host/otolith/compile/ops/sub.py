"""SUB with broadcasting."""

from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import add


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    return add.sum_of(graph, op, "nn_sub")
