"""The tflm engine: a .tflite as TensorFlow Lite Micro takes it, and a resolver that knows no more
operations than it has."""

from __future__ import annotations

from collections.abc import Iterable

from otolith.compile.emit import info_source
from otolith.compile.graph import Alias, Graph, Operation
from otolith.compile.graph_edges import strip
from otolith.compile.header import c_name, header
from otolith.compile.ops import OPS
from otolith.compile.read import CODES, read
from otolith.errors import UserError, short

# Operations with a registration for int8 alone: it leaves out the code for other types.
INT8 = {
    "ADD",
    "AVERAGE_POOL_2D",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MAX_POOL_2D",
    "MUL",
    "SOFTMAX",
    "SVDF",
    "TRANSPOSE_CONV",
}
# The resolver's names for operations, where splitting at _ does not give them.
NAMES = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
MAX_EDGES = 4  # nn_tflm.cpp
FILE = "network.tflite"


def method(name: str) -> str:
    """MicroMutableOpResolver's method that adds operation `name`: CONV_2D -> AddConv2D."""
    parts = (p if p[0].isdigit() else p.capitalize() for p in name.split("_"))
    return "Add" + NAMES.get(name, "".join(parts))


def _all_int8(graph: Graph, op: Operation) -> bool:
    """Are the operation's tensors int8, biases apart?"""
    first, *rest = [graph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
    return first.dtype == "int8" and all(t.dtype in ("int8", "int32") for t in rest)


def calls(graph: Graph) -> dict[str, str]:
    """Operation -> the resolver's call that adds it, for each that the network has."""
    kinds: dict[str, bool] = {}
    for op in graph.operations:
        if op.name not in CODES.values():
            raise UserError(
                f"operator {op.position}: {short(op.name)} is not in TensorFlow Lite Micro: "
                "leave it out of the model"
            )
        kinds[op.name] = kinds.get(op.name, True) and _all_int8(graph, op)
    return {
        name: f"{method(name)}"
        f"({f'tflite::Register_{name}_INT8()' if int8 and name in INT8 else ''})"
        for name, int8 in kinds.items()
    }


def _macs(graph: Graph) -> Iterable[tuple[Operation, int]]:
    """Each operation with its multiply-accumulates; 0 for one only this engine has."""
    for op in graph.operations:
        try:
            step = OPS[op.name](graph, op)
        except (KeyError, UserError):
            yield op, 0
        else:
            yield op, 0 if isinstance(step, Alias) else step.macs


def _core(data: bytes) -> tuple[Graph, list[tuple[Operation, int]]]:
    """The network between its int8 edges, its operations with their MACs."""
    outline = strip(read(data, outline=True))
    try:
        return outline, list(_macs(strip(read(data))))
    except UserError:  # something the compiled engine can't even read
        return outline, [(op, 0) for op in outline.operations]


def generate(data: bytes, name: str, digest: str, labels: list[str]) -> tuple[dict[str, str], dict]:
    """({file: text}, report) of a .tflite for lib/nn_tflm: the model as a header, resolver and
    nn_info. UserError if the engine can't take it."""
    found = calls(read(data, outline=True))
    graph, operations = _core(data)
    inputs = [graph.tensors[i] for i in graph.inputs]
    outputs = [graph.tensors[i] for i in graph.outputs]
    if max(len(inputs), len(outputs)) > MAX_EDGES:
        raise UserError(f"more than {MAX_EDGES} inputs or outputs: the tflm engine takes no more")
    macs = sum(m for _, m in operations)
    arena = "(uint32_t)nn_tflm_arena_bytes"
    info = info_source("tflm", name, digest, labels, inputs, outputs, arena, len(data), macs)
    head = f"/* Network {name}, {digest}: written by `host compile --engine tflm`, not by hand. */"
    adds = " &&\n        ".join(f"resolver->{call} == kTfLiteOk" for call in found.values())
    files = {
        "network.h": header(data, FILE),
        "model.c": f"""{head}
#include <stddef.h>

#include "network.h"
#include "nn.h"

/* for lib/nn_tflm; its header is C++ */
extern const unsigned char *const nn_tflm_model;
extern const char nn_tflm_arena_bytes[]; /* its address is the number */

const unsigned char *const nn_tflm_model = {c_name(FILE)};

{info}""",
        "resolver.cpp": f"""{head}
#include <new>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

#include "nn_tflm.h"

using Resolver = tflite::MicroMutableOpResolver<{len(found)}>;

const tflite::MicroOpResolver *nn_tflm_resolver() {{
    alignas(Resolver) static unsigned char place[sizeof(Resolver)];
    Resolver *resolver = new (place) Resolver;
    const bool known =
        {adds};
    return known ? resolver : nullptr;
}}
""",
    }
    report = {
        "engine": "tflm",
        "weights": len(data),
        "macs": macs,
        "resolver": list(found),
        "stream": None,
        "operations": [
            {
                "name": op.name,
                "inputs": [list(graph.tensors[i].shape) for i in op.inputs if i >= 0],
                "output": list(graph.tensors[op.outputs[0]].shape),
                "macs": count,
            }
            for op, count in operations
        ],
    }
    return files, report
