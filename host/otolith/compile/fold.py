"""Computes what does not depend on the input: SHAPE, and int32 arithmetic on its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from otolith.compile.graph import Graph, Operation, Values
from otolith.compile.ops import common
from otolith.compile.ops.move import axis_of
from otolith.compile.ops.strided_slice import slices


def _strided_slice(op: Operation, given: list[Values]) -> Values:
    x, *bounds = given
    values = [[int(v) for v in bound.ravel()] for bound in bounds]
    common.same(op, len(values), 3, "number of bounds")
    taken, shape = slices(op, x.shape, values)
    found: Values = x[np.ix_(*(list(each) for each in taken))].reshape(shape)
    return found


def _concatenation(op: Operation, given: list[Values]) -> Values:
    return np.concatenate(given, axis_of(op, int(op.options["axis"]), given[0].ndim))


def _pack(op: Operation, given: list[Values]) -> Values:
    return np.stack(given, axis_of(op, int(op.options["axis"]), given[0].ndim + 1))


# What is computed of int32 constants. The results keep their number of elements within the file's.
FOLDED: dict[str, Callable[[Operation, list[Values]], Values]] = {
    "ADD": lambda op, given: given[0] + given[1],
    "CONCATENATION": _concatenation,
    "MAXIMUM": lambda op, given: np.maximum(given[0], given[1]),
    "MINIMUM": lambda op, given: np.minimum(given[0], given[1]),
    "MUL": lambda op, given: given[0] * given[1],
    "PACK": _pack,
    "RESHAPE": lambda op, given: given[0],
    "SQUEEZE": lambda op, given: given[0],
    "STRIDED_SLICE": _strided_slice,
    "SUB": lambda op, given: given[0] - given[1],
}


def fold(graph: Graph) -> Graph:
    """The network without the operations whose results are known.

    Raises:
        UserError: Such an operation does not fit its tensors.
    """
    if not any(op.name == "SHAPE" for op in graph.operations):
        return graph
    tensors, operations = list(graph.tensors), []
    for op in graph.operations:
        given = [tensors[i].data for i in op.inputs if i >= 0]
        constant = all(
            i >= 0 and tensors[i].data is not None and tensors[i].dtype == "int32"
            for i in op.inputs
        )
        if op.name == "SHAPE" and len(op.inputs) == len(op.outputs) == 1:
            value: Values = np.array(tensors[op.inputs[0]].shape)
        elif op.name in FOLDED and constant and len(op.outputs) == 1 and given:
            try:
                value = FOLDED[op.name](op, [data for data in given if data is not None])
            except (ValueError, IndexError):
                operations.append(op)  # lowering says what is wrong
                continue
        else:
            operations.append(op)
            continue
        out = tensors[op.outputs[0]]
        common.same(op, value.size, out.count, "number of elements")
        known = value.astype(np.int32).reshape(out.shape)
        tensors[out.index] = replace(out, data=known)
    return replace(graph, tensors=tensors, operations=operations)
