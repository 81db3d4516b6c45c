"""The tflm engine: writes a .tflite as a C array, and a resolver with the operations in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from otolith.compile.emit import info_source
from otolith.compile.graph import Alias, Graph, Operation
from otolith.compile.graph_edges import strip
from otolith.compile.header import c_name, header
from otolith.compile.ops import OPS
from otolith.compile.pipeline import pipeline_of, pipeline_source
from otolith.compile.read import Network, read
from otolith.compile.tflite import CODES, read_graph
from otolith.errors import UserError, short

# Operations that have a registration for int8 only. It saves the code for other types.
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
# The resolver's names of operations that splitting at _ does not give.
NAMES = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
MAX_EDGES = 4  # nn_tflm.cpp
FILE = "network.tflite"


def method(name: str) -> str:
    """The method of MicroMutableOpResolver that adds operation `name`: CONV_2D -> AddConv2D."""
    parts = (p if p[0].isdigit() else p.capitalize() for p in name.split("_"))
    return "Add" + NAMES.get(name, "".join(parts))


def _all_int8(graph: Graph, op: Operation) -> bool:
    """Whether the operation's tensors are int8, except for int32 biases."""
    first, *rest = [graph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
    return first.dtype == "int8" and all(t.dtype in ("int8", "int32") for t in rest)


def calls(graph: Graph) -> dict[str, str]:
    """For each kind of operation in the network, the resolver's call that adds it.

    Raises:
        UserError: TensorFlow Lite Micro does not have an operation.
    """
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
    """Each operation with its multiply-accumulates; 0 for one that only this engine has."""
    for op in graph.operations:
        try:
            step = OPS[op.name](graph, op)
        except (KeyError, UserError):
            yield op, 0
        else:
            yield op, 0 if isinstance(step, Alias) else step.macs


def _operations(data: bytes, outline: Graph) -> list[tuple[Operation, int]]:
    """The operations between the int8 edges, with their multiply-accumulates."""
    try:
        return list(_macs(strip(read_graph(data))))
    except UserError:  # the compiled engine can't even read it
        return [(op, 0) for op in outline.operations]


@dataclass(frozen=True)
class TflmNetwork:
    """A network for the tflm engine.

    Its arena is not known here: it is measured when the image is linked.

    Attributes:
        network: The network. Its constants are not read.
        size: Bytes of the .tflite, all of it in flash.
        resolver: Kinds of operations in the network.
        operations: Operations with their multiply-accumulates; 0 where they are not known.
        files: Text by file name.
    """

    network: Network
    size: int
    resolver: tuple[str, ...]
    operations: list[tuple[Operation, int]]
    files: dict[str, str]

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of an inference, as far as they are known."""
        return sum(macs for _, macs in self.operations)


def compile_for_tflm(data: bytes, name: str) -> TflmNetwork:
    """Writes a .tflite for lib/nn_tflm: model as a C array, resolver, nn_info(), pipeline.c.

    Args:
        data: The file's bytes.
        name: The network's name, if its metadata has none.

    Raises:
        UserError: The engine can't take it; says why.
    """
    network = read(data, name, outline=True)
    found = calls(network.original)
    if max(len(network.inputs), len(network.outputs)) > MAX_EDGES:
        raise UserError(f"more than {MAX_EDGES} inputs or outputs: the tflm engine takes no more")
    operations = _operations(data, network.graph)
    macs = sum(count for _, count in operations)
    files = {
        "network.h": header(data, FILE),
        "model.c": _model_source(network, len(data), macs),
        "resolver.cpp": _resolver_source(network, found),
    }
    if network.metadata is not None:
        files["pipeline.c"] = pipeline_source(pipeline_of(network.metadata, network.graph))
    return TflmNetwork(network, len(data), tuple(found), operations, files)


def _head(network: Network) -> str:
    return (
        f"/* Network {network.name}, {network.digest}: written by `host compile --engine tflm`, "
        "not by hand. */"
    )


def _model_source(network: Network, size: int, macs: int) -> str:
    info = info_source("tflm", network, "(uint32_t)nn_tflm_arena_bytes", size, macs)
    return f"""{_head(network)}
#include <stddef.h>

#include "network.h"
#include "nn.h"

/* for lib/nn_tflm; its header is C++ */
extern const unsigned char *const nn_tflm_model;
extern const char nn_tflm_arena_bytes[]; /* its address is the number */

const unsigned char *const nn_tflm_model = {c_name(FILE)};

{info}"""


def _resolver_source(network: Network, found: dict[str, str]) -> str:
    adds = " &&\n        ".join(f"resolver->{call} == kTfLiteOk" for call in found.values())
    return f"""{_head(network)}
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
"""
