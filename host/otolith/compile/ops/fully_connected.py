"""FULLY_CONNECTED: weights [out][in], int8 per tensor or per channel."""

import numpy as np

from otolith.compile.graph import Array, Graph, Operation, Step
from otolith.compile.ops import common
from otolith.errors import UserError


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    (x, w), (bias,) = common.operands(graph, op, 2, 1)
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    if op.options["weights_format"]:
        raise UserError(f"{common.where(op)}: shuffled weights are not supported")
    weights = common.constant(op, w, "int8", "weights")
    if weights.ndim != 2:
        raise UserError(f"{common.where(op)}: weights of {weights.ndim} dimensions")
    outputs, inputs = weights.shape
    if x.count % inputs or out.count != x.count // inputs * outputs:
        raise UserError(
            f"{common.where(op)}: {x.count} inputs, {out.count} outputs, weights {weights.shape}"
        )
    if len(w.scales) == 1:
        # As TFLM: the product in single precision, the quotient in double.
        product = float(np.float32(x.scale) * np.float32(w.scale))
        real = [product / float(out.scale)]
    else:
        real = common.convolution_scales(op, x, w, out, outputs)
    common.bounded(op, x, weights, w.zero_point)
    settings = {
        "out": common.requantize(op, real, out),
        "weights": Array("int8_t", weights.ravel()),
        "bias": common.bias_values(op, bias, outputs),
        "batches": x.count // inputs,
        "inputs": inputs,
        "outputs": outputs,
        "in_offset": -x.zero_point,
        "weight_offset": -w.zero_point,
    }
    kernel = "nn_fully_connected"
    macs = out.count * inputs
    return Step(op.name, kernel, kernel + "_t", settings, (x.index,), out.index, macs)
