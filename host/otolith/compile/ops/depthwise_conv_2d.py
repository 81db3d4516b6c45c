"""DEPTHWISE_CONV_2D: weights [1][h][w][out], int8 per channel.

With one input channel it is a CONV_2D, whose kernel loads less.
"""

import numpy as np

from otolith.compile.graph import Array, Graph, Operation, Step
from otolith.compile.ops import common
from otolith.errors import UserError


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x, w), (bias,) = common.operands(graph, op, 2, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    weights = common.constant(op, w, "int8", "weights")
    if weights.ndim != 4 or weights.shape[0] != 1 or len(x.shape) != 4 or len(out.shape) != 4:
        raise UserError(f"{common.where(op)}: needs weights [1][h][w][c] and four dimensions")
    _, kernel_h, kernel_w, channels = weights.shape
    common.same(op, out.shape[-1], channels, "output channels")
    multiplier = int(op.options["multiplier"])
    common.same(op, multiplier * x.shape[3], channels, "input channels times multiplier")
    common.bounded(op, x, weights.reshape(-1, channels).T)
    settings = {
        "window": common.window(op, x, out, kernel_h, kernel_w),
        "out": common.requantize(op, common.convolution_scales(op, x, w, out, channels), out),
        "weights": Array("int8_t", np.moveaxis(weights[0], 2, 0).ravel()),
        "bias": common.bias_values(op, bias, channels),
        "in_offset": -x.zero_point,
    }
    kernel = "nn_conv_2d"
    if x.shape[3] > 1:
        kernel = "nn_depthwise_conv_2d"
        settings["multiplier"] = multiplier
    macs = out.count * kernel_h * kernel_w
    return Step(op.name, kernel, kernel + "_t", settings, (x.index,), out.index, macs)
