"""CONV_2D: weights [out][h][w][in], int8 per channel."""

from otolith.compile.graph import Array, Graph, Operation, Step
from otolith.compile.ops import common
from otolith.errors import UserError


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x, w), (bias,) = common.operands(graph, op, 2, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    weights = common.constant(op, w, "int8", "weights")
    if weights.ndim != 4 or len(x.shape) != 4 or len(out.shape) != 4:
        raise UserError(f"{common.where(op)}: needs four dimensions")
    channels, kernel_h, kernel_w, depth = weights.shape
    common.same(op, out.shape[-1], channels, "output channels")
    if depth != x.shape[3]:
        raise UserError(
            f"{common.where(op)}: weights for {depth} of {x.shape[3]} input channels: grouped "
            "convolution is not supported: use the tflm engine"
        )
    common.bounded(op, x, weights.reshape(channels, -1))
    settings = {
        "window": common.window(op, x, out, kernel_h, kernel_w),
        "out": common.requantize(op, common.convolution_scales(op, x, w, out, channels), out),
        "weights": Array("int8_t", weights.ravel()),
        "bias": common.bias_values(op, bias, channels),
        "in_offset": -x.zero_point,
    }
    macs = out.count * kernel_h * kernel_w * depth
    return Step(op.name, "nn_conv_2d", "nn_conv_2d_t", settings, (x.index,), out.index, macs)
