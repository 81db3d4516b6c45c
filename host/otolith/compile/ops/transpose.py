"""TRANSPOSE with a constant order of axes."""

from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common
from otolith.compile.ops.move import movable, move, steps_of
from otolith.errors import UserError, short


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x, order), _ = common.operands(graph, op, 2)
    out = graph.tensors[op.outputs[0]]
    movable(op, x, out)
    axes = [int(a) for a in common.constant(op, order, "int32", "order of axes").ravel()]
    rank = len(x.shape)
    if sorted(a % rank if -rank <= a < rank else -1 for a in axes) != list(range(rank)):
        raise UserError(f"{common.where(op)}: axes {short(axes)} of {rank} dimensions")
    steps = steps_of(x.shape)
    common.same(op, out.shape, tuple(x.shape[a] for a in axes), "output shape")
    return move(op, x, out, out.shape, (0, [steps[a] for a in axes]), (0, steps_of(out.shape)))
