"""SOFTMAX over the last axis, with a table of exponentials."""

from otolith.compile.arithmetic import softmax_table
from otolith.compile.graph import Array, Graph, Operation, Step
from otolith.compile.ops import common
from otolith.errors import UserError


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x,), _ = common.operands(graph, op, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    common.same(op, out.shape, x.shape, "output shape")
    if (out.scale, out.zero_point) != (1 / 256, -128):
        raise UserError(f"{common.where(op)}: output must have scale 1/256 and zero point -128")
    beta = op.options["beta"]
    if not 0 < beta < 1e6:
        raise UserError(f"{common.where(op)}: beta {beta:g}")
    depth = x.shape[-1] if x.shape else 1
    if depth > 4095:
        raise UserError(f"{common.where(op)}: {depth} classes are too many: use the tflm engine")
    table = softmax_table(x.scale, beta)
    settings = {
        "rows": x.count // depth,
        "depth": depth,
        "exp": Array("int32_t", table),
        "distances": len(table),
    }
    return Step(
        op.name,
        "nn_softmax",
        "nn_softmax_t",
        settings,
        (x.index,),
        out.index,
        in_place=common.overwritable(graph, op),
    )
