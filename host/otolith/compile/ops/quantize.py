"""QUANTIZE from int8 to int8, which changes the scale. (graph_edges.py handles floats.)"""

from otolith.compile.arithmetic import quantize_multiplier
from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x,), _ = common.operands(graph, op, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    common.same(op, out.shape, x.shape, "output shape")
    multiplier, shift = quantize_multiplier(float(x.scale) / float(out.scale))
    settings = {
        "count": x.count,
        "in_offset": -x.zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": out.zero_point,
        "low": -128,
        "high": 127,
    }
    return Step(
        op.name,
        "nn_requantize_all",
        "nn_requantize_all_t",
        settings,
        (x.index,),
        out.index,
        in_place=common.overwritable(graph, op),
    )
