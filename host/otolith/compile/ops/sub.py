"""SUB with broadcasting."""

from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import add


def lower(graph: Graph, op: Operation) -> Step:
    return add.sum_of(graph, op, "nn_sub")
