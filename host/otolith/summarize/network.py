"""The layers of a network: shapes, work, parameters, quantisation."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.compile import Analysis
from otolith.compile.graph import Step, Tensor


@dataclass(frozen=True)
class LayerInfo:
    """One operation of the file.

    Attributes:
        operation: Its name, CONV_2D.
        inputs: Shapes of its activations.
        output: Shape of its output.
        macs: Multiply-accumulate operations.
        parameters: Number of weights and biases. Shared ones count in the first layer.
        scale: Of the output. real value = scale * (q - zero_point)
        zero_point: Of the output.
        channel_scales: Number of scales of its weights; 0 without weights.
    """

    operation: str
    inputs: list[list[int]]
    output: list[int]
    macs: int
    parameters: int
    scale: float
    zero_point: int
    channel_scales: int


def is_parameter(tensor: Tensor) -> bool:
    """Whether a constant was learnt. Shapes, axes and paddings are not quantised."""
    return tensor.data is not None and bool(tensor.scales)


def layers(analysis: Analysis) -> list[LayerInfo]:
    """Every operation in order, also those that cost nothing (RESHAPE)."""
    graph = analysis.network.graph
    seen: set[int] = set()
    found = []
    for operation, step in zip(graph.operations, analysis.steps, strict=True):
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
