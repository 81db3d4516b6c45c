"""Builds small int8 .tflite models field by field, for the compiler and its reference alike."""

from __future__ import annotations

from collections.abc import Sequence

import flatbuffers
import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

DTYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "int16": schema.TensorType.INT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "resource": schema.TensorType.RESOURCE,
}
# operator -> builtin code, and type and object of its options in the schema's union
OPTIONS = {
    "CONV_2D": ("Conv2DOptions", "CONV_2D"),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", "DEPTHWISE_CONV_2D"),
    "FULLY_CONNECTED": ("FullyConnectedOptions", "FULLY_CONNECTED"),
    "MAX_POOL_2D": ("Pool2DOptions", "MAX_POOL_2D"),
    "AVERAGE_POOL_2D": ("Pool2DOptions", "AVERAGE_POOL_2D"),
    "MEAN": ("ReducerOptions", "MEAN"),
    "ADD": ("AddOptions", "ADD"),
    "MUL": ("MulOptions", "MUL"),
    "SUB": ("SubOptions", "SUB"),
    "PAD": ("PadOptions", "PAD"),
    "PADV2": ("PadV2Options", "PADV2"),
    "RESHAPE": ("ReshapeOptions", "RESHAPE"),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighborOptions", "RESIZE_NEAREST_NEIGHBOR"),
    "SOFTMAX": ("SoftmaxOptions", "SOFTMAX"),
    "LOGISTIC": (None, "LOGISTIC"),
    "RELU": (None, "RELU"),
    "RELU6": (None, "RELU6"),
    "QUANTIZE": ("QuantizeOptions", "QUANTIZE"),
    "DEQUANTIZE": ("DequantizeOptions", "DEQUANTIZE"),
    "TANH": (None, "TANH"),
    "CONCATENATION": ("ConcatenationOptions", "CONCATENATION"),
    "STRIDED_SLICE": ("StridedSliceOptions", "STRIDED_SLICE"),
    "SPLIT": ("SplitOptions", "SPLIT"),
    "SPLIT_V": ("SplitVOptions", "SPLIT_V"),
    "PACK": ("PackOptions", "PACK"),
    "UNPACK": ("UnpackOptions", "UNPACK"),
    "TRANSPOSE": ("TransposeOptions", "TRANSPOSE"),
    "SQUEEZE": ("SqueezeOptions", "SQUEEZE"),
    "EXPAND_DIMS": ("ExpandDimsOptions", "EXPAND_DIMS"),
    "SHAPE": ("ShapeOptions", "SHAPE"),
    "MINIMUM": ("MaximumMinimumOptions", "MINIMUM"),
    "MAXIMUM": ("MaximumMinimumOptions", "MAXIMUM"),
    "LEAKY_RELU": ("LeakyReluOptions", "LEAKY_RELU"),
    "HARD_SWISH": (None, "HARD_SWISH"),
    "ABS": ("AbsOptions", "ABS"),
    "NEG": (None, "NEG"),
    "RSQRT": (None, "RSQRT"),
    "SVDF": ("SVDFOptions", "SVDF"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (
        "UnidirectionalSequenceLSTMOptions",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    ),
    "VAR_HANDLE": ("VarHandleOptions", "VAR_HANDLE"),
    "READ_VARIABLE": (None, "READ_VARIABLE"),
    "ASSIGN_VARIABLE": (None, "ASSIGN_VARIABLE"),
    "CALL_ONCE": ("CallOnceOptions", "CALL_ONCE"),
}


class ModelBuilder:
    """Collects tensors and operators in order; build() returns the file."""

    def __init__(self) -> None:
        self._buffers = [schema.BufferT()]
        self._tensors: list[schema.TensorT] = []
        self._codes: list[str] = []
        self._operators: list[schema.OperatorT] = []
        self._initial: list[tuple[str, int]] = []  # variables, and a tensor with their values

    def tensor(
        self,
        shape: Sequence[int],
        scale: float | Sequence[float] | None = None,
        zero_point: int | Sequence[int] = 0,
        dtype: str = "int8",
        data: np.ndarray | None = None,
        axis: int = 0,
        variable: bool = False,
    ) -> int:
        """Add a tensor (constant if `data` is given) and return its index."""
        t = schema.TensorT()
        t.name = f"t{len(self._tensors)}"
        t.shape = [int(d) for d in shape]
        t.type = DTYPES[dtype]
        t.buffer = 0
        t.isVariable = variable
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype).tobytes(), np.uint8)
            t.buffer = len(self._buffers)
            self._buffers.append(buffer)
        if scale is not None:
            q = schema.QuantizationParametersT()
            q.scale = [float(s) for s in np.atleast_1d(scale)]
            zero = np.atleast_1d(zero_point)
            q.zeroPoint = [int(z) for z in np.broadcast_to(zero, len(q.scale))]
            q.quantizedDimension = axis
            t.quantization = q
        self._tensors.append(t)
        return len(self._tensors) - 1

    def variable(self, name: str, initial: int | None) -> int:
        """Add a variable and return its handle. `initial`: a constant that it begins with."""
        handle = self.tensor([], dtype="resource")
        self.op("VAR_HANDLE", [], [handle], container="", sharedName=name)
        if initial is not None:
            self._initial.append((name, initial))
        return handle

    def op(self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options) -> None:
        """Add an operator. `options` are fields of the schema, e.g. strideW=2."""
        if name not in self._codes:
            self._codes.append(name)
        o = schema.OperatorT()
        o.opcodeIndex = self._codes.index(name)
        o.inputs, o.outputs = list(map(int, inputs)), list(map(int, outputs))
        kind = OPTIONS[name][0]
        if kind:
            o.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            o.builtinOptions = getattr(schema, kind + "T")()
            for key, value in options.items():
                if not hasattr(o.builtinOptions, key):
                    raise AttributeError(f"{kind} has no {key}")
                setattr(o.builtinOptions, key, value)
        self._operators.append(o)

    def _filling(self, main: schema.SubGraphT) -> schema.SubGraphT:
        """The subgraph that fills variables; `main` is made to call it."""
        operators, self._operators = self._operators, []
        tensors, self._tensors = self._tensors, []
        for name, initial in self._initial:
            handle = self.tensor([], dtype="resource")
            self.op("VAR_HANDLE", [], [handle], container="", sharedName=name)
            self._tensors.append(tensors[initial])
            self.op("ASSIGN_VARIABLE", [handle, handle + 1], [])
        filling = schema.SubGraphT()
        filling.tensors, filling.operators = self._tensors, self._operators
        filling.inputs, filling.outputs = [], []
        self._tensors, self._operators = tensors, []
        self.op("CALL_ONCE", [], [], initSubgraphIndex=1)
        main.operators = [*self._operators, *operators]
        self._operators = operators
        return filling

    def build(
        self,
        inputs: Sequence[int],
        outputs: Sequence[int],
        metadata: dict[str, bytes] | None = None,
    ) -> bytes:
        """The .tflite file. `metadata`: entries by name."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = list(inputs), list(outputs)
        model = schema.ModelT()
        model.version = 3
        model.subgraphs, model.buffers = [graph], list(self._buffers)
        if self._initial:
            model.subgraphs.append(self._filling(graph))
        model.metadata = []
        for name, content in (metadata or {}).items():
            entry, buffer = schema.MetadataT(), schema.BufferT()
            entry.name, entry.buffer = name, len(model.buffers)
            buffer.data = np.frombuffer(content, np.uint8)
            model.buffers.append(buffer)
            model.metadata.append(entry)
        model.operatorCodes = []
        for name in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, OPTIONS[name][1])
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.version = 1
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())
