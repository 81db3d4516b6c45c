"""CONCATENATION. It copies values as they are, like TFLM, also if the scales differ."""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common
from otolith.compile.ops.move import axis_of, cut_up, part
from otolith.errors import UserError

MOST = 100  # parts


def parts(graph: Graph, op: Operation) -> list[Operation]:
    """An operation for each input."""
    if not 1 <= len(op.inputs) <= MOST or len(op.outputs) != 1 or -1 in op.inputs:
        raise UserError(f"{common.where(op)}: {len(op.inputs)} inputs, {len(op.outputs)} outputs")
    common.same(op, int(op.options["activation"]), 0, "fused activation")
    out = graph.tensors[op.outputs[0]]
    axis = axis_of(op, int(op.options["axis"]), len(out.shape))
    starts = cut_up(op, out, [graph.tensors[i] for i in op.inputs], axis)
    return [
        replace(op, inputs=(index,), options={"axis": axis, "start": start, "inside": 1})
        for index, start in zip(op.inputs, starts, strict=True)
    ]


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers a part of the operation (ops.lower)."""
    return part(graph, op)
