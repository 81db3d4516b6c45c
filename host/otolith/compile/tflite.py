"""Parses a .tflite file into a Graph.

Field numbers are those of TensorFlow's schema.fbs, version 3.
"""

from __future__ import annotations

import math

import numpy as np

from otolith.compile.flatbuffer import Buffer, Table
from otolith.compile.graph import Graph, Operation, Tensor
from otolith.compile.variables import with_variables
from otolith.errors import UserError, short

# More elements than fit any chip. The limit keeps damaged files from taking memory, and sums within
# 32 bits.
MAX_ELEMENTS = 1 << 22
MAX_RANK = 5
DTYPES = {
    0: "float32",
    2: "int32",
    3: "uint8",
    4: "int64",
    7: "int16",
    9: "int8",
    13: "resource",
}
NUMPY = {"float32": "<f4", "int32": "<i4", "int64": "<i8", "int16": "<i2", "int8": "i1"}
ZERO_POINTS = {"int8": (-128, 127), "uint8": (0, 255)}  # smallest and largest

# Builtin operator codes of the operators in TensorFlow Lite Micro. Messages name others by number.
CODES = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE",
    7: "EMBEDDING_LOOKUP",
    8: "FLOOR",
    9: "FULLY_CONNECTED",
    11: "L2_NORMALIZATION",
    12: "L2_POOL_2D",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    21: "RELU6",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    25: "SOFTMAX",
    26: "SPACE_TO_DEPTH",
    27: "SVDF",
    28: "TANH",
    34: "PAD",
    36: "GATHER",
    37: "BATCH_TO_SPACE_ND",
    38: "SPACE_TO_BATCH_ND",
    39: "TRANSPOSE",
    40: "MEAN",
    41: "SUB",
    42: "DIV",
    43: "SQUEEZE",
    44: "UNIDIRECTIONAL_SEQUENCE_LSTM",
    45: "STRIDED_SLICE",
    47: "EXP",
    49: "SPLIT",
    50: "LOG_SOFTMAX",
    53: "CAST",
    54: "PRELU",
    55: "MAXIMUM",
    56: "ARG_MAX",
    57: "MINIMUM",
    58: "LESS",
    59: "NEG",
    60: "PADV2",
    61: "GREATER",
    62: "GREATER_EQUAL",
    63: "LESS_EQUAL",
    65: "SLICE",
    66: "SIN",
    67: "TRANSPOSE_CONV",
    70: "EXPAND_DIMS",
    71: "EQUAL",
    72: "NOT_EQUAL",
    73: "LOG",
    74: "SUM",
    75: "SQRT",
    76: "RSQRT",
    77: "SHAPE",
    79: "ARG_MIN",
    82: "REDUCE_MAX",
    83: "PACK",
    84: "LOGICAL_OR",
    86: "LOGICAL_AND",
    87: "LOGICAL_NOT",
    88: "UNPACK",
    90: "FLOOR_DIV",
    92: "SQUARE",
    93: "ZEROS_LIKE",
    94: "FILL",
    95: "FLOOR_MOD",
    97: "RESIZE_NEAREST_NEIGHBOR",
    98: "LEAKY_RELU",
    99: "SQUARED_DIFFERENCE",
    100: "MIRROR_PAD",
    101: "ABS",
    102: "SPLIT_V",
    104: "CEIL",
    106: "ADD_N",
    107: "GATHER_ND",
    108: "COS",
    111: "ELU",
    114: "QUANTIZE",
    116: "ROUND",
    117: "HARD_SWISH",
    118: "IF",
    119: "WHILE",
    123: "SELECT_V2",
    126: "BATCH_MATMUL",
    128: "CUMSUM",
    129: "CALL_ONCE",
    130: "BROADCAST_TO",
    142: "VAR_HANDLE",
    143: "READ_VARIABLE",
    144: "ASSIGN_VARIABLE",
    145: "BROADCAST_ARGS",
}
# name -> (option field number, struct code, default); the table is the operator's own options.
OPTIONS: dict[str, dict[str, tuple[int, str, float]]] = {
    "CONV_2D": {
        "padding": (0, "b", 0),
        "stride_w": (1, "i", 0),
        "stride_h": (2, "i", 0),
        "activation": (3, "b", 0),
        "dilation_w": (4, "i", 1),
        "dilation_h": (5, "i", 1),
    },
    "DEPTHWISE_CONV_2D": {
        "padding": (0, "b", 0),
        "stride_w": (1, "i", 0),
        "stride_h": (2, "i", 0),
        "multiplier": (3, "i", 0),
        "activation": (4, "b", 0),
        "dilation_w": (5, "i", 1),
        "dilation_h": (6, "i", 1),
    },
    "AVERAGE_POOL_2D": {
        "padding": (0, "b", 0),
        "stride_w": (1, "i", 0),
        "stride_h": (2, "i", 0),
        "filter_w": (3, "i", 0),
        "filter_h": (4, "i", 0),
        "activation": (5, "b", 0),
    },
    "FULLY_CONNECTED": {"activation": (0, "b", 0), "weights_format": (1, "b", 0)},
    "ADD": {"activation": (0, "b", 0)},
    "MUL": {"activation": (0, "b", 0)},
    "SUB": {"activation": (0, "b", 0)},
    "SOFTMAX": {"beta": (0, "f", 0.0)},
    "MEAN": {"keep_dims": (0, "B", 0)},
    "RESIZE_NEAREST_NEIGHBOR": {"align_corners": (0, "B", 0), "half_pixel_centers": (1, "B", 0)},
    "CONCATENATION": {"axis": (0, "i", 0), "activation": (1, "b", 0)},
    "STRIDED_SLICE": {
        "begin_mask": (0, "i", 0),
        "end_mask": (1, "i", 0),
        "ellipsis_mask": (2, "i", 0),
        "new_axis_mask": (3, "i", 0),
        "shrink_axis_mask": (4, "i", 0),
        "offset": (5, "B", 0),
    },
    "SPLIT": {"parts": (0, "i", 0)},
    "SPLIT_V": {"parts": (0, "i", 0)},
    "PACK": {"parts": (0, "i", 0), "axis": (1, "i", 0)},
    "UNPACK": {"parts": (0, "i", 0), "axis": (1, "i", 0)},
    "LEAKY_RELU": {"alpha": (0, "f", 0.0)},
    "SVDF": {"rank": (0, "i", 0), "activation": (1, "b", 0)},
    "UNIDIRECTIONAL_SEQUENCE_LSTM": {
        "activation": (0, "b", 0),
        "cell_clip": (1, "f", 0.0),
        "projection_clip": (2, "f", 0.0),
        "time_major": (3, "B", 0),
        "diagonal": (5, "B", 0),
    },
    "CALL_ONCE": {"subgraph": (0, "i", 0)},
}
OPTIONS["MAX_POOL_2D"] = OPTIONS["AVERAGE_POOL_2D"]


def _read_tensor(
    index: int, table: Table, buffers: list[Table], outline: bool, used: bool
) -> Tensor:
    name = table.text(3) or f"tensor {index}"
    shape = table.numbers(0, "i")
    dtype = DTYPES.get(table.number(1, "b"), f"type {table.number(1, 'b')}")
    where = f"tensor {index} ({name[:40]})"
    if len(shape) > MAX_RANK or (used and any(d < 1 for d in shape)):
        raise UserError(
            f"{where}: shape {short(list(shape))}: need up to {MAX_RANK} fixed dimensions"
        )
    if math.prod(shape) > MAX_ELEMENTS:
        raise UserError(f"{where}: {math.prod(shape):,} elements are more than {MAX_ELEMENTS:,}")
    if table.table(6) is not None and not outline:
        raise UserError(f"{where}: sparse tensors are not supported: use the tflm engine")
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis = 0
    if (quantization := table.table(4)) is not None:
        scales = quantization.numbers(2, "f")
        zero_points = quantization.numbers(3, "q")
        axis = quantization.number(6, "i")
        if any(not (math.isfinite(s) and 1e-30 < s < 1e30) for s in scales):
            raise UserError(f"{where}: quantisation scale is not a positive number")
        low, high = ZERO_POINTS.get(dtype, (-(2**31), 2**31 - 1))
        if any(not low <= z <= high for z in zero_points):
            raise UserError(f"{where}: zero point outside {dtype}")
        if len(zero_points) not in (0, len(scales)):
            raise UserError(f"{where}: {len(scales)} scales but {len(zero_points)} zero points")
        if len(shape) == 1:
            axis = 0  # old converters give a bias the axis of its weights
        if len(scales) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scales)):
            raise UserError(
                f"{where}: {len(scales)} scales do not fit axis {axis} of {short(shape)}"
            )
    number = table.number(2, "I")
    if number >= len(buffers):
        raise UserError(f"{where}: buffer {number} of {len(buffers)}")
    data = None
    raw = buffers[number].bytes(0) if number else b""
    if buffers[number].number(1, "Q") > 1:
        raise UserError(f"{where}: data outside the flatbuffer is not supported")
    if raw and outline:
        data = np.frombuffer(raw, np.uint8)
    elif raw:
        if dtype not in NUMPY:
            raise UserError(f"{where}: constants of {dtype} are not supported: use the tflm engine")
        item = np.dtype(NUMPY[dtype])
        if len(raw) != math.prod(shape) * item.itemsize:
            raise UserError(f"{where}: {len(raw)} bytes for shape {list(shape)} of {dtype}")
        data = np.frombuffer(raw, item).reshape(shape)
    variable = bool(table.number(5, "B"))
    return Tensor(index, name, tuple(shape), dtype, scales, zero_points, axis, data, variable)


def _read_operation(position: int, table: Table, codes: list[str], count: int) -> Operation:
    number = table.number(0, "I")
    if number >= len(codes):
        raise UserError(f"operator {position}: code {number} of {len(codes)}")
    name = codes[number]
    where = f"operator {position} ({name})"
    inputs, outputs = table.numbers(1, "i"), table.numbers(2, "i")
    if any(not -1 <= i < count for i in inputs) or any(not 0 <= o < count for o in outputs):
        raise UserError(f"{where}: names a tensor that is not there")
    options = table.table(4)
    wanted = OPTIONS.get(name, {})
    values = {
        key: options.number(field, code, default) if options else default
        for key, (field, code, default) in wanted.items()
    }
    text = options.text(1) if options and name == "VAR_HANDLE" else ""
    return Operation(position, name, tuple(inputs), tuple(outputs), values, text)


def read_graph(data: bytes, outline: bool = False) -> Graph:
    """Parses a .tflite file.

    Args:
        data: The file's bytes.
        outline: True for an engine that interprets the file itself. Constants may then have any
            type and are read as bytes.

    Raises:
        UserError: The file is damaged or uses something unsupported; says what and where.
    """
    if len(data) < 16 or data[4:8] != b"TFL3":
        raise UserError("not a .tflite model: no TFL3 identifier at byte 4")
    model = Buffer(data).root()
    if model.number(0, "I") != 3:
        raise UserError(f"schema version {model.number(0, 'I')}, not 3")
    codes: list[str] = []
    for table in model.tables(1):
        code = max(table.number(0, "b"), table.number(3, "i"))
        codes.append(CODES.get(code, f"builtin operator {code}"))
        if code == 32:
            codes[-1] = f"custom operator {table.text(1)!r}"
    subgraphs = model.tables(2)
    if not subgraphs:
        raise UserError("damaged model: no subgraphs")
    if outline and len(subgraphs) > 1:
        raise UserError(f"{len(subgraphs)} subgraphs: the tflm engine takes models with one")
    buffers = model.tables(4)
    if not buffers:
        raise UserError("damaged model: no buffers")

    def subgraph(number: int) -> Graph:
        if not 0 <= number < len(subgraphs):
            raise UserError(f"subgraph {number} of {len(subgraphs)} is called")
        return _read_subgraph(subgraphs[number], buffers, codes, outline)

    graph = subgraph(0)
    inputs, outputs = graph.inputs, graph.outputs
    if not inputs or not outputs:
        raise UserError("damaged model: inputs or outputs name tensors that are not there")
    if any(graph.tensors[i].data is not None for i in inputs):
        raise UserError("damaged model: an input is a constant")
    if outline:
        return graph
    graph = with_variables(graph, subgraph)
    _check_order(graph)
    return graph


def _read_subgraph(table: Table, buffers: list[Table], codes: list[str], outline: bool) -> Graph:
    found = table.tables(0)
    operations = [_read_operation(i, t, codes, len(found)) for i, t in enumerate(table.tables(3))]
    inputs, outputs = table.numbers(1, "i"), table.numbers(2, "i")
    if any(not 0 <= i < len(found) for i in inputs + outputs):
        raise UserError("damaged model: inputs or outputs name tensors that are not there")
    used = {*inputs, *outputs}
    for operation in operations:
        used |= {*operation.inputs, *operation.outputs}
    tensors = [_read_tensor(i, t, buffers, outline, i in used) for i, t in enumerate(found)]
    return Graph(tensors, operations, tuple(inputs), tuple(outputs))


def _check_order(graph: Graph) -> None:
    """Raises UserError unless every tensor is written once, before it is read."""
    ready = {t.index for t in graph.tensors if t.data is not None}
    ready |= {*graph.inputs, *graph.states}
    for operation in graph.operations:
        where = f"operator {operation.position} ({operation.name})"
        for index in operation.inputs:
            if index >= 0 and index not in ready:
                raise UserError(f"{where}: reads tensor {index} before it is written")
        for index in operation.outputs:
            if index in ready and index not in graph.states:
                raise UserError(f"{where}: writes tensor {index} a second time")
            ready.add(index)
    for index in graph.outputs:
        if index not in ready:
            raise UserError(f"output tensor {index} is never written")
