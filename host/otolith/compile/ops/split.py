"""SPLIT into equal parts, and SPLIT_V into parts of given sizes."""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common
from otolith.compile.ops.move import axis_of, cut_up, part
from otolith.errors import UserError


def parts(graph: Graph, op: Operation) -> list[Operation]:
    """An operation for each output."""
    given = [graph.tensors[i] for i in op.inputs if i >= 0]
    if len(given) != (3 if op.name == "SPLIT_V" else 2) or not op.outputs:
        raise UserError(f"{common.where(op)}: {len(op.inputs)} inputs, {len(op.outputs)} outputs")
    x, axes = (given[0], given[2]) if op.name == "SPLIT_V" else (given[1], given[0])
    named = common.constant(op, axes, "int32", "axis").ravel()
    common.same(op, named.size, 1, "number of axes")
    axis = axis_of(op, int(named[0]), len(x.shape))
    outputs = [graph.tensors[i] for i in op.outputs]
    common.same(op, int(op.options["parts"]), len(outputs), "number of parts")
    starts = cut_up(op, x, outputs, axis)
    sizes = [out.shape[axis] for out in outputs]
    if op.name == "SPLIT_V":
        wanted = [int(n) for n in common.constant(op, given[1], "int32", "sizes").ravel()]
        known = [n for n in wanted if n != -1]
        if len(known) == len(wanted) - 1:
            wanted[wanted.index(-1)] = x.shape[axis] - sum(known)
        common.same(op, sizes, wanted, "sizes")
    else:
        common.same(op, len(set(sizes)), 1, "number of sizes")
    return [
        replace(
            op,
            inputs=(x.index,),
            outputs=(index,),
            options={"axis": axis, "start": start, "inside": 0},
        )
        for index, start in zip(op.outputs, starts, strict=True)
    ]


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers a part of the operation (ops.lower)."""
    return part(graph, op)
