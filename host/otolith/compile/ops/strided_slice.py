"""STRIDED_SLICE with constant bounds, also backwards."""

from __future__ import annotations

from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common
from otolith.compile.ops.move import movable, move, steps_of
from otolith.errors import UserError, short


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x, *bounds), _ = common.operands(graph, op, 4)
    out = graph.tensors[op.outputs[0]]
    movable(op, x, out)
    named = ("begin", "end", "strides")
    values = [
        [int(v) for v in common.constant(op, tensor, "int32", name).ravel()]
        for tensor, name in zip(bounds, named, strict=True)
    ]
    taken, shape = slices(op, x.shape, values)
    common.same(op, out.shape, shape, "output shape")
    steps = steps_of(x.shape)
    dims = [len(each) for each in taken]
    first = sum(each[0] * step for each, step in zip(taken, steps, strict=True))
    apart = [each.step * step for each, step in zip(taken, steps, strict=True)]
    return move(op, x, out, dims, (first, apart), (0, steps_of(dims)))


def slices(
    op: Operation, shape: tuple[int, ...], values: list[list[int]]
) -> tuple[list[range], tuple[int, ...]]:
    """The indices taken on each axis, and the shape of the result.

    Args:
        op: The operation, for its masks.
        shape: Of what is cut.
        values: Begin, end and strides.
    """
    for mask in ("ellipsis_mask", "new_axis_mask", "offset"):
        common.same(op, int(op.options[mask]), 0, mask)
    if any(len(each) != len(shape) for each in values):
        raise UserError(f"{common.where(op)}: needs one begin, end and stride for each dimension")
    begin_mask, end_mask, shrink = (
        int(op.options[f"{key}_mask"]) for key in ("begin", "end", "shrink_axis")
    )
    taken, kept = [], []
    for axis, (size, begin, end, stride) in enumerate(zip(shape, *values, strict=True)):
        if stride == 0:
            raise UserError(f"{common.where(op)}: stride 0")
        bit = 1 << axis
        if shrink & bit:
            if not -size <= begin < size or stride < 0:
                raise UserError(f"{common.where(op)}: index {begin} of {size}")
            taken.append(range(begin % size, begin % size + 1))
            continue
        cut = slice(None if begin_mask & bit else begin, None if end_mask & bit else end, stride)
        taken.append(range(*cut.indices(size)))
        kept.append(len(taken[-1]))
        if not kept[-1]:
            raise UserError(
                f"{common.where(op)}: nothing from {short(begin)} to {short(end)} of {size}"
            )
    return taken, tuple(kept)
