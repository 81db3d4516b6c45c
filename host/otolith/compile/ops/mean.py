"""MEAN over neighbouring axes, such as height and width."""

import math

from otolith.compile.arithmetic import quantize_multiplier
from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common
from otolith.errors import UserError, short


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x, axes), _ = common.operands(graph, op, 2)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    rank = len(x.shape)
    named = [int(a) for a in common.constant(op, axes, "int32", "axes").ravel()]
    if not named or any(not -rank <= a < rank for a in named):
        raise UserError(f"{common.where(op)}: axes {short(named)} of {rank} dimensions")
    reduced = sorted({a % rank for a in named})
    first, last = reduced[0], reduced[-1]
    if last - first + 1 != len(reduced):
        raise UserError(
            f"{common.where(op)}: axes {short(named)} are not neighbours: use the tflm engine"
        )
    count = math.prod(x.shape[first : last + 1])
    outer, inner = math.prod(x.shape[:first]), math.prod(x.shape[last + 1 :])
    common.same(op, out.count, outer * inner, "output size")
    multiplier, shift = quantize_multiplier(float(x.scale) / float(out.scale))
    # The division by `count` goes into the multiplier, as TFLM does it.
    more = min(count.bit_length() - 1, 32, 31 + shift)
    settings = {
        "outer": outer,
        "count": count,
        "inner": inner,
        "in_sum_offset": -x.zero_point * count,
        "multiplier": (multiplier << more) // count,
        "shift": shift - more,
        "zero_point": out.zero_point,
    }
    return Step(op.name, "nn_mean", "nn_mean_t", settings, (x.index,), out.index)
