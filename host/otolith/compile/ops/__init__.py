"""The registry of operations of the compiled engine: a file each, and one line here."""

from collections.abc import Callable
from dataclasses import replace

from otolith.compile.graph import Alias, Graph, Operation, Step
from otolith.compile.ops import (
    add,
    assign_variable,
    concatenation,
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    logistic,
    maximum,
    mean,
    mul,
    pack,
    pad,
    pool_2d,
    quantize,
    relu,
    reshape,
    resize_nearest_neighbor,
    softmax,
    split,
    strided_slice,
    sub,
    svdf,
    table,
    transpose,
    unidirectional_sequence_lstm,
)
from otolith.compile.tflite import CODES
from otolith.errors import UserError

OPS: dict[str, Callable[[Graph, Operation], Step | Alias]] = {
    "ABS": table.lower,
    "ADD": add.lower,
    "ASSIGN_VARIABLE": assign_variable.lower,
    "AVERAGE_POOL_2D": pool_2d.lower,
    "CONCATENATION": concatenation.lower,
    "CONV_2D": conv_2d.lower,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.lower,
    "EXPAND_DIMS": reshape.lower,
    "FULLY_CONNECTED": fully_connected.lower,
    "HARD_SWISH": table.lower,
    "LEAKY_RELU": table.lower,
    "LOGISTIC": logistic.lower,
    "MAXIMUM": maximum.lower,
    "MAX_POOL_2D": pool_2d.lower,
    "MEAN": mean.lower,
    "MINIMUM": maximum.lower,
    "MUL": mul.lower,
    "PACK": concatenation.lower,
    "PAD": pad.lower,
    "PADV2": pad.lower,
    "QUANTIZE": quantize.lower,
    "READ_VARIABLE": assign_variable.lower,
    "RELU": relu.lower,
    "RELU6": relu.lower,
    "RESHAPE": reshape.lower,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor.lower,
    "RSQRT": table.lower,
    "SOFTMAX": softmax.lower,
    "SPLIT": split.lower,
    "SPLIT_V": split.lower,
    "SQUEEZE": reshape.lower,
    "STRIDED_SLICE": strided_slice.lower,
    "SUB": sub.lower,
    "SVDF": svdf.lower,
    "TANH": table.lower,
    "TRANSPOSE": transpose.lower,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": unidirectional_sequence_lstm.lower,
    "UNPACK": split.lower,
}
# Operations that become several, one for each tensor that they read or write.
PARTS: dict[str, Callable[[Graph, Operation], list[Operation]]] = {
    "CONCATENATION": concatenation.parts,
    "PACK": pack.parts,
    "SPLIT": split.parts,
    "SPLIT_V": split.parts,
    "UNPACK": pack.parts,
}


def expand(graph: Graph) -> Graph:
    """The network with operations that have one output each. Parts keep the position of the whole.

    Raises:
        UserError: An operation's parts do not fit its tensors.
    """
    operations: list[Operation] = []
    for op in graph.operations:
        operations += PARTS[op.name](graph, op) if op.name in PARTS else [op]
    return replace(graph, operations=operations)


def _elsewhere(graph: Graph, op: Operation) -> str:
    """Which engine takes an operation that this one does not."""
    if op.name not in CODES.values():
        return "TensorFlow Lite Micro does not have it either"
    if any(not graph.tensors[index].variable for index in graph.states):
        return "the tflm engine takes no variables, so neither takes this network"
    return "use the tflm engine"


def lower(graph: Graph, op: Operation) -> Step | Alias:
    """Turns an operation into a kernel call.

    Raises:
        UserError: The operation, or the way it is used, is not supported.
    """
    if op.name not in OPS:
        raise UserError(
            f"operator {op.position}: {op.name} is not supported by the compiled engine: "
            f"{_elsewhere(graph, op)}"
        )
    return OPS[op.name](graph, op)
