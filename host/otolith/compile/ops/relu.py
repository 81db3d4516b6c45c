"""RELU, which rescales, and RELU6, which only clamps, as in TFLM."""

import numpy as np

from otolith.compile.arithmetic import quantize_multiplier, round_half_away
from otolith.compile.graph import Graph, Operation, Step
from otolith.compile.ops import common


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x,), _ = common.operands(graph, op, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    common.same(op, out.shape, x.shape, "output shape")
    places = common.overwritable(graph, op)
    if op.name == "RELU6":
        six = x.zero_point + round_half_away(float(np.float32(6) / np.float32(x.scale)))
        settings = {"count": x.count, "low": x.zero_point, "high": min(127, six)}
        kernel, struct = "nn_clamp_all", "nn_clamp_all_t"
    else:
        real = float(np.float32(x.scale) / np.float32(out.scale))
        multiplier, shift = quantize_multiplier(real)
        settings = {
            "count": x.count,
            "in_offset": -x.zero_point,
            "multiplier": multiplier,
            "shift": shift,
            "zero_point": out.zero_point,
            "low": max(-128, out.zero_point),
            "high": 127,
        }
        kernel, struct = "nn_requantize_all", "nn_requantize_all_t"
    return Step(op.name, kernel, struct, settings, (x.index,), out.index, in_place=places)
