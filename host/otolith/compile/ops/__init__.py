"""The registry of operations of the compiled engine: a file each, and one line here."""

from collections.abc import Callable

from otolith.compile.graph import Alias, Graph, Operation, Step
from otolith.compile.ops import (
    add,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    logistic,
    mean,
    mul,
    pad,
    pool_2d,
    quantize,
    relu,
    reshape,
    resize_nearest_neighbor,
    softmax,
    sub,
)
from otolith.errors import UserError

OPS: dict[str, Callable[[Graph, Operation], Step | Alias]] = {
    "ADD": add.lower,
    "AVERAGE_POOL_2D": pool_2d.lower,
    "CONV_2D": conv_2d.lower,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.lower,
    "EXPAND_DIMS": reshape.lower,
    "FULLY_CONNECTED": fully_connected.lower,
    "LOGISTIC": logistic.lower,
    "MAX_POOL_2D": pool_2d.lower,
    "MEAN": mean.lower,
    "MUL": mul.lower,
    "PAD": pad.lower,
    "PADV2": pad.lower,
    "QUANTIZE": quantize.lower,
    "RELU": relu.lower,
    "RELU6": relu.lower,
    "RESHAPE": reshape.lower,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor.lower,
    "SOFTMAX": softmax.lower,
    "SQUEEZE": reshape.lower,
    "SUB": sub.lower,
}


def lower(graph: Graph, op: Operation) -> Step | Alias:
    """Turns an operation into a kernel call.

    Raises:
        UserError: The operation, or the way it is used, is not supported.
    """
    if op.name not in OPS:
        raise UserError(
            f"operator {op.position}: {op.name} is not supported by the compiled engine: "
            "use the tflm engine"
        )
    return OPS[op.name](graph, op)
