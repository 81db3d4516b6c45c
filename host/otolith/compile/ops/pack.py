"""PACK joins tensors along a new axis, UNPACK takes them apart."""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.graph import Graph, Operation
from otolith.compile.ops import common
from otolith.compile.ops.move import axis_of
from otolith.errors import UserError

MOST = 100  # parts


def parts(graph: Graph, op: Operation) -> list[Operation]:
    """An operation for each tensor that is packed or unpacked."""
    inside = int(op.name == "PACK")
    several, one = (op.inputs, op.outputs) if inside else (op.outputs, op.inputs)
    if len(one) != 1 or not 1 <= len(several) <= MOST or -1 in op.inputs:
        raise UserError(f"{common.where(op)}: {len(op.inputs)} inputs, {len(op.outputs)} outputs")
    common.same(op, int(op.options["parts"]), len(several), "number of parts")
    whole = graph.tensors[one[0]]
    axis = axis_of(op, int(op.options["axis"]), len(whole.shape))
    common.same(op, whole.shape[axis], len(several), "size of the axis")
    expected = (*whole.shape[:axis], *whole.shape[axis + 1 :])
    for index in several:
        common.same(op, graph.tensors[index].shape, expected, "shape of a part")
    return [
        replace(
            op,
            inputs=(index if inside else whole.index,),
            outputs=(whole.index if inside else index,),
            options={"axis": axis, "start": start, "inside": inside},
        )
        for start, index in enumerate(several)
    ]
