"""Removes float and uint8 inputs and outputs from a network.

QUANTIZE after an input and DEQUANTIZE before an output are left to the computer, so the chip never
handles floats. A uint8 value is handled as the int8 value 128 below it.
"""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.graph import Graph, Operation
from otolith.errors import UserError


def strip(graph: Graph) -> Graph:
    """The int8 part of a network.

    Raises:
        UserError: An input or output is neither int8 nor float that is quantised at once.
    """
    unsigned = {t.index for t in graph.tensors if t.dtype == "uint8"}
    graph = _signed(graph)
    operations = list(graph.operations)
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    for place, index in enumerate(inputs):
        readers = [op for op in operations if index in op.inputs]
        if index in unsigned and len(readers) == 1 and _renames(graph, readers[0]):
            inputs[place] = readers[0].outputs[0]
            operations.remove(readers[0])
        if graph.tensors[index].dtype != "float32":
            continue
        if len(readers) != 1 or readers[0].name != "QUANTIZE":
            raise UserError(
                f"input {place} is float32 and not quantised at once: quantise the model fully"
            )
        inputs[place] = readers[0].outputs[0]
        operations.remove(readers[0])
    for place, index in enumerate(outputs):
        writer = next((op for op in operations if index in op.outputs), None)
        if index in unsigned and writer is not None and _renames(graph, writer):
            outputs[place] = writer.inputs[0]
            operations.remove(writer)
        if graph.tensors[index].dtype != "float32":
            continue
        if writer is None or writer.name != "DEQUANTIZE":
            raise UserError(
                f"output {place} is float32 and not from DEQUANTIZE: quantise the model fully"
            )
        outputs[place] = writer.inputs[0]
        operations.remove(writer)
    for place, index in [*enumerate(inputs), *enumerate(outputs)]:
        tensor = graph.tensors[index]
        if tensor.dtype != "int8" or len(tensor.scales) != 1:
            raise UserError(
                f"edge {place} ({tensor.name[:40]}) is {tensor.dtype}: both engines take int8, "
                "uint8 and float32 that is quantised at once"
            )
        if tensor.data is not None:
            raise UserError(f"output {place} is a constant")
        if index in graph.states:
            raise UserError(f"output {place} is a state")
    if len(set(inputs)) != len(inputs):
        raise UserError("two inputs are the same tensor")
    return replace(graph, operations=operations, inputs=tuple(inputs), outputs=tuple(outputs))


def _renames(graph: Graph, op: Operation) -> bool:
    """Whether an operation is a QUANTIZE that changes nothing once uint8 is int8."""
    if op.name != "QUANTIZE" or len(op.inputs) != 1 or len(op.outputs) != 1:
        return False
    x, out = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    return (x.shape, x.dtype, x.scales, x.zero_points) == (
        out.shape,
        out.dtype,
        out.scales,
        out.zero_points,
    )


def _signed(graph: Graph) -> Graph:
    """The network with uint8 tensors as int8, where only QUANTIZE handles them."""
    others = {
        index
        for op in graph.operations
        if op.name != "QUANTIZE"
        for index in (*op.inputs, *op.outputs)
    }
    tensors = [
        replace(t, dtype="int8", zero_points=tuple(z - 128 for z in t.zero_points or (0,)))
        if t.dtype == "uint8" and t.index not in others and t.data is None
        else t
        for t in graph.tensors
    ]
    return replace(graph, tensors=tensors)
