"""Second stage of the compiler: works out what each operation computes and what a hop changes.

The result does not depend on the core. Estimates of time start from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from otolith.compile.graph import Alias, Program, Step
from otolith.compile.ops import lower
from otolith.compile.padding import without_padding
from otolith.compile.pipeline import Pipeline, pipeline_of
from otolith.compile.read import Network
from otolith.compile.stream import WORTH, Stream, stream
from otolith.compile.views import without_moves
from otolith.errors import UserError


@dataclass(frozen=True)
class Analysis:
    """What a network computes, as calls of portable kernels.

    Attributes:
        network: The network.
        steps: One for each operation of the network, in order.
        program: The same without copies that are not needed, for a network of one program.
        stream: How rows are kept from one hop to the next; None if every window is computed whole.
        pipeline: Front end and decision layer; None for a network without metadata.
    """

    network: Network
    steps: list[Step | Alias]
    program: Program
    stream: Stream | None
    pipeline: Pipeline | None

    @property
    def calls(self) -> list[Step]:
        """The kernel calls of a full pass, in order."""
        program = self.stream.full if self.stream else self.program
        return [step for step in program if isinstance(step, Step)]

    @property
    def hop_calls(self) -> list[Step]:
        """The kernel calls when the window has moved by a hop."""
        program = self.stream.slide if self.stream else self.program
        return [step for step in program if isinstance(step, Step)]

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of a full pass."""
        return sum(step.macs for step in self.calls)


def analyse(network: Network, hop: int | None = None) -> Analysis:
    """Lowers every operation, checks that the metadata fits, and finds the rows a hop leaves.

    Args:
        network: The network.
        hop: Rows by which its window moves from one inference to the next. 0: every window is
            computed whole. None: the hop in the metadata, if keeping rows saves enough work.

    Raises:
        UserError: An operation is not supported, the metadata does not fit the network, or the
            window can't move by `hop` rows.
    """
    steps = [lower(network.graph, operation) for operation in network.graph.operations]
    pipeline = None
    if network.metadata is not None:
        pipeline = pipeline_of(network.metadata, network.graph)
    program = without_moves(network.graph, without_padding(network.graph, steps))
    return Analysis(network, steps, program, _stream(network, steps, hop), pipeline)


def _stream(network: Network, steps: list[Step | Alias], hop: int | None) -> Stream | None:
    """How rows are kept; None if every window is computed whole."""
    graph, metadata = network.graph, network.metadata
    if graph.states:
        if hop:
            raise UserError("the network has a state of its own: it has no window that slides")
        return None
    if hop == 0 or (hop is None and metadata is None):
        return None
    if metadata is None:
        return stream(graph, steps, hop or 0, None)
    frames, listens = metadata.features.frames, metadata.streamed_frames
    if hop is None:
        try:
            found = stream(graph, steps, listens, frames)
        except UserError:
            return None  # no hop, one as long as the window, or rows that are not frames
        return found if found.effort <= WORTH else None
    if metadata.features.compress == "dynamic":
        raise UserError('compress = "dynamic" scales each window anew: no row outlasts a hop')
    return stream(graph, steps, hop, frames)
