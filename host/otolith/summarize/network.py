"""Layers of a network: shapes, work, parameters, quantisation."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.compile import Compiled
from otolith.compile.graph import Graph, Step, Tensor
from otolith.compile.ops import lower


@dataclass(frozen=True)
class LayerInfo:
    """One operation of the file. inputs: shapes of its activations."""

    operation: str
    inputs: list[list[int]]
    output: list[int]
    macs: int
    parameters: int  # weights and biases; those shared by several layers count in the first
    scale: float  # of the output: real value = scale * (q - zero_point)
    zero_point: int
    channel_scales: int  # how many scales its weights have, 0 without weights


def is_parameter(tensor: Tensor) -> bool:
    """A constant that was learnt: quantised, unlike shapes, axes and paddings."""
    return tensor.data is not None and bool(tensor.scales)


def layers(compiled: Compiled) -> list[LayerInfo]:
    """Every operation, in order; those that cost nothing (RESHAPE) too."""
    graph: Graph = compiled.graph
    seen: set[int] = set()
    found = []
    for operation in graph.operations:
        step = lower(graph, operation)
        given = [graph.tensors[i] for i in operation.inputs if i >= 0]
        learnt = [t for t in given if is_parameter(t)]
        weights = [t for t in learnt if t.dtype == "int8"]
        output = graph.tensors[operation.outputs[0]]
        found.append(
            LayerInfo(
                operation.name,
                [list(t.shape) for t in given if t.data is None],
                list(output.shape),
                step.macs if isinstance(step, Step) else 0,
                sum(t.count for t in learnt if t.index not in seen),
                float(output.scale),
                output.zero_point,
                max((len(t.scales) for t in weights), default=0),
            )
        )
        seen |= {t.index for t in learnt}
    return found
