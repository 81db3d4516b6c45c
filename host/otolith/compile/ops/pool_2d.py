"""MAX_POOL_2D and AVERAGE_POOL_2D. Input and output must have the same quantisation."""

from otolith.compile.graph import Graph, Operation, Settings, Step
from otolith.compile.ops import common
from otolith.errors import UserError


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x,), _ = common.operands(graph, op, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    if (x.scale, x.zero_point) != (out.scale, out.zero_point):
        raise UserError(f"{common.where(op)}: input and output are quantised differently")
    height, width = int(op.options["filter_h"]), int(op.options["filter_w"])
    settings: Settings = {"window": common.window(op, x, out, height, width)}
    common.same(op, out.shape[3], x.shape[3], "output channels")
    settings["low"], settings["high"] = common.activation(op, out)
    kernel = "nn_max_pool_2d" if op.name == "MAX_POOL_2D" else "nn_average_pool_2d"
    return Step(op.name, kernel, "nn_pool_2d_t", settings, (x.index,), out.index)
