"""Finds what a network remembers from one invocation to the next.

Two kinds of tensors keep their values: variables, which operations name by a handle (VAR_HANDLE,
READ_VARIABLE, ASSIGN_VARIABLE) and a subgraph fills once (CALL_ONCE), and the state tensors of SVDF
and UNIDIRECTIONAL_SEQUENCE_LSTM. Both become tensors in Graph.states, and handles disappear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from otolith.compile.graph import Graph, Operation, Tensor, Values
from otolith.errors import UserError, short

STATEFUL = ("SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM")  # they change tensors that they read


@dataclass
class _Variable:
    """A variable. `value`: a tensor of its shape and type. `initial`: None if it has none."""

    value: Tensor
    initial: Values | None = None


def with_variables(graph: Graph, subgraph: Callable[[int], Graph]) -> Graph:
    """The main subgraph with variables as tensors.

    READ_VARIABLE then reads such a tensor, ASSIGN_VARIABLE writes it, and CALL_ONCE and VAR_HANDLE
    are gone.

    Args:
        graph: The main subgraph.
        subgraph: Reads another one by its number.

    Raises:
        UserError: A variable is used in a way that has no fixed meaning; says where.
    """
    found: dict[str, _Variable] = {}
    for op in graph.operations:
        if op.name == "CALL_ONCE":
            _call(op, subgraph, found, (0,))
    names = _handles(graph, "")
    tensors = list(graph.tensors)
    states = _state_tensors(graph)
    index: dict[str, int] = {}  # of each variable, its tensor

    def state(op: Operation, value: Tensor) -> int:
        """The tensor of the variable that an operation reads or writes."""
        name = _name(op, names, "")
        variable = found.setdefault(name, _Variable(value))
        _fits(op, variable.value, value, name, "")
        if name not in index:
            index[name] = len(tensors)
            title = f"variable {short(name)}"
            tensors.append(replace(variable.value, index=index[name], name=title, data=None))
        return index[name]

    operations: list[Operation] = []
    assigned: set[int] = set()
    for op in graph.operations:
        if op.name in ("CALL_ONCE", "VAR_HANDLE"):
            continue
        if op.name == "READ_VARIABLE":
            _arity(op, 1, 1, "")
            at = state(op, tensors[op.outputs[0]])
            if found[_name(op, names, "")].initial is None and at not in assigned:
                raise UserError(
                    f"operator {op.position} ({op.name}): reads {tensors[at].name} before anything "
                    "is written to it"
                )
            op = replace(op, inputs=(at,))
        elif op.name == "ASSIGN_VARIABLE":
            _arity(op, 2, 0, "")
            at = state(op, tensors[op.inputs[1]])
            assigned.add(at)
            op = replace(op, inputs=(op.inputs[1],), outputs=(at,))
        operations.append(op)
    for name, at in index.items():
        initial = found[name].initial
        states[at] = np.zeros(tensors[at].bytes, np.int8) if initial is None else initial
    return replace(graph, tensors=tensors, operations=operations, states=states)


def _state_tensors(graph: Graph) -> dict[int, Values]:
    """State tensors and what TFLM fills them with: int8 with the zero point, others with 0."""
    found: dict[int, Values] = {}
    for op in graph.operations:
        for index in op.inputs:
            if index < 0 or not graph.tensors[index].variable:
                continue
            tensor = graph.tensors[index]
            where = f"operator {op.position} ({op.name})"
            if op.name not in STATEFUL:
                raise UserError(f"{where}: reads variable tensor {index}: no engine takes that")
            if index in found or tensor.data is not None or index in graph.inputs:
                raise UserError(f"{where}: variable tensor {index} belongs to something else too")
            fill = tensor.zero_point if tensor.dtype == "int8" else 0
            found[index] = np.full(tensor.bytes, fill, np.int8)
    for op in graph.operations:
        for index in op.outputs:
            if index in found or graph.tensors[index].variable:
                raise UserError(
                    f"operator {op.position} ({op.name}): writes variable tensor {index}"
                )
    return found


def _call(
    op: Operation,
    subgraph: Callable[[int], Graph],
    found: dict[str, _Variable],
    callers: tuple[int, ...],
) -> None:
    """Takes the initial values from the subgraph that CALL_ONCE runs."""
    number = int(op.options["subgraph"])
    if number in callers:
        raise UserError(f"operator {op.position} (CALL_ONCE): subgraph {number} calls itself")
    graph = subgraph(number)
    where = f", subgraph {number}"
    names = _handles(graph, where)
    for inner in graph.operations:
        if inner.name == "CALL_ONCE":
            _call(inner, subgraph, found, (*callers, number))
        elif inner.name == "ASSIGN_VARIABLE":
            _arity(inner, 2, 0, where)
            name = _name(inner, names, where)
            value = graph.tensors[inner.inputs[1]]
            if value.data is None:
                raise UserError(
                    f"operator {inner.position} ({inner.name}){where}: the initial value of "
                    f"{short(name)} must be a constant"
                )
            variable = found.setdefault(name, _Variable(value))
            _fits(inner, variable.value, value, name, where)
            variable.initial = np.frombuffer(value.data.tobytes(), np.int8)
        elif inner.name != "VAR_HANDLE":
            raise UserError(
                f"operator {inner.position} ({inner.name}){where}: a subgraph of initial values "
                "may only assign constants"
            )


def _handles(graph: Graph, where: str) -> dict[int, str]:
    """The names of the variables by the tensors of their handles."""
    found: dict[int, str] = {}
    for op in graph.operations:
        if op.name == "VAR_HANDLE":
            _arity(op, 0, 1, where)
            found[op.outputs[0]] = op.text
    return found


def _name(op: Operation, names: dict[int, str], where: str) -> str:
    if op.inputs[0] not in names:
        raise UserError(f"operator {op.position} ({op.name}){where}: its variable has no handle")
    return names[op.inputs[0]]


def _arity(op: Operation, inputs: int, outputs: int, where: str) -> None:
    if len(op.inputs) != inputs or len(op.outputs) != outputs or -1 in op.inputs:
        raise UserError(
            f"operator {op.position} ({op.name}){where}: {len(op.inputs)} inputs, "
            f"{len(op.outputs)} outputs"
        )


def _fits(op: Operation, variable: Tensor, value: Tensor, name: str, where: str) -> None:
    if (variable.dtype, variable.count) != (value.dtype, value.count):
        raise UserError(
            f"operator {op.position} ({op.name}){where}: variable {short(name)} is "
            f"{variable.dtype} {short(list(variable.shape))}, not {value.dtype} "
            f"{short(list(value.shape))}"
        )
