"""Removes float inputs and outputs from a network.

QUANTIZE after an input and DEQUANTIZE before an output are left to the computer, so the chip never
handles floats.
"""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.graph import Graph
from otolith.errors import UserError


def strip(graph: Graph) -> Graph:
    """The int8 part of a network.

    Raises:
        UserError: An input or output is neither int8 nor float that is quantised at once.
    """
    operations = list(graph.operations)
    inputs, outputs = list(graph.inputs), list(graph.outputs)
    for place, index in enumerate(inputs):
        readers = [op for op in operations if index in op.inputs]
        if graph.tensors[index].dtype != "float32":
            continue
        if len(readers) != 1 or readers[0].name != "QUANTIZE":
            raise UserError(
                f"input {place} is float32 and not quantised at once: quantise the model fully"
            )
        inputs[place] = readers[0].outputs[0]
        operations.remove(readers[0])
    for place, index in enumerate(outputs):
        if graph.tensors[index].dtype != "float32":
            continue
        writer = next((op for op in operations if index in op.outputs), None)
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
                f"edge {place} ({tensor.name[:40]}) is {tensor.dtype}: only int8 is supported"
            )
        if tensor.data is not None:
            raise UserError(f"output {place} is a constant")
    if len(set(inputs)) != len(inputs):
        raise UserError("two inputs are the same tensor")
    return replace(graph, operations=operations, inputs=tuple(inputs), outputs=tuple(outputs))
