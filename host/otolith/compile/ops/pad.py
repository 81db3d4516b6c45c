"""PAD (with the output's zero point) and PADV2 (with a given value), up to four dimensions."""

from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common
from otolith.errors import UserError, short


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x, amounts), (value,) = common.operands(graph, op, 2, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    rank = len(x.shape)
    pads = common.constant(op, amounts, "int32", "paddings")
    if rank > 4 or pads.size != 2 * rank or (pads < 0).any():
        raise UserError(
            f"{common.where(op)}: paddings {short(pads.tolist())} for {rank} dimensions"
        )
    pairs = [(0, 0)] * (4 - rank) + [(int(b), int(a)) for b, a in pads.reshape(-1, 2)]
    dims = [1] * (4 - rank) + list(x.shape)
    expected = tuple(d + b + a for d, (b, a) in zip(dims, pairs, strict=True))[4 - rank :]
    common.same(op, out.shape, expected, "output shape")
    common.small(op, *out.shape)
    fill = out.zero_point
    if op.name == "PADV2":
        fill = int(common.constant(op, value, "int8", "pad value").ravel()[0])
    settings = {
        "in": dims,
        "before": [b for b, _ in pairs],
        "after": [a for _, a in pairs],
        "value": fill,
    }
    return Step(op.name, "nn_pad", "nn_pad_t", settings, (x.index,), out.index)
