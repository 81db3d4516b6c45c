"""Third stage of the compiler: chooses kernels for a core and places every tensor in the arena."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from otolith.compile.analyse import Analysis
from otolith.compile.cores import OPTIMIZE, PORTABLE, choose_kernels
from otolith.compile.cores.m0plus.pieces import fitted
from otolith.compile.graph import Alias, Array, Code, Copy, Graph, Program, Slide, Step
from otolith.compile.packing import Value, by_products, layers_to_leave
from otolith.compile.plan import Plan, plan, state_places
from otolith.compile.read import Network
from otolith.compile.stream import Stream
from otolith.errors import UserError

SIZES = {"int8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4}  # bytes


@dataclass(frozen=True)
class Pass:
    """Kernel calls in order, and where their tensors lie."""

    program: Program
    plan: Plan


@dataclass(frozen=True)
class Schedule:
    """A network for one core, complete except for its text. Sizes are exact.

    Attributes:
        analysis: What is computed.
        core: A key of cores.CORES.
        optimize: "speed" or "size".
        full: The pass that computes a whole window.
        slide: The pass that computes what a hop changes; None without kept rows.
        arena: Bytes of RAM for activations, working memory, kept rows and states.
        weights: Bytes of constants in flash.
        plain: Outputs of the steps that are packed for size, though others are not.
    """

    analysis: Analysis
    core: str
    optimize: str
    full: Pass
    slide: Pass | None
    arena: int
    weights: int
    plain: frozenset[int] = frozenset()

    @property
    def network(self) -> Network:
        """The network that is scheduled."""
        return self.analysis.network

    @property
    def graph(self) -> Graph:
        """The int8 part of the network."""
        return self.network.graph

    @property
    def stream(self) -> Stream | None:
        """How rows are kept from one hop to the next."""
        return self.analysis.stream

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of a full pass."""
        return self.analysis.macs

    @property
    def passes(self) -> Sequence[Pass]:
        """The full pass and, with kept rows, the pass of a hop."""
        return (self.full, self.slide) if self.slide else (self.full,)

    @property
    def calls(self) -> list[Step]:
        """The kernel calls of a full pass, in order: one for each operation that costs time."""
        return [step for step in self.full.program if isinstance(step, Step)]


def schedule(
    analysis: Analysis,
    core: str = PORTABLE,
    optimize: str = "speed",
    room: int | None = None,
    value: Value = by_products,
) -> Schedule:
    """Chooses the core's kernels, packs their weights and plans the arena.

    Args:
        analysis: What the network computes.
        core: A key of cores.CORES.
        optimize: "speed" lets packed weights be larger than the file's where that is faster;
            "size" does not.
        room: Bytes that all constants may take. Layers that save little keep the file's size.
            None: no limit.
        value: Cycles that a layer's packing for speed saves.

    Raises:
        UserError: An output is an input under another name.
    """
    graph, streaming = analysis.network.graph, analysis.stream
    plain: frozenset[int] = frozenset()
    if room is not None and optimize == OPTIMIZE[0]:
        plain = packed_for_size(analysis, core, room, value)
    full = _pass(graph, streaming.full if streaming else analysis.program, core, optimize, plain)
    slide = None
    if streaming and streaming.kept:
        slide = _pass(graph, streaming.slide, core, optimize, plain)
    for index in graph.outputs:
        if full.plan.place[index][0] == "input":
            raise UserError("an output is an input under another name: the network does nothing")
    passes = [full, *([slide] if slide else [])]
    arena = max(one.plan.arena for one in passes) + (streaming.kept if streaming else 0)
    arena += state_places(graph, full.program)[1]
    weights = constant_bytes(graph, [one.program for one in passes])
    return Schedule(analysis, core, optimize, full, slide, arena, weights, plain)


def packed_for_size(
    analysis: Analysis, core: str, room: int, value: Value = by_products
) -> frozenset[int]:
    """Outputs of the layers that can't be packed for speed in `room` bytes. See schedule()."""
    graph, steps = analysis.network.graph, analysis.calls
    fast, small = (
        [step for step in choose_kernels(graph, steps, core, how) if isinstance(step, Step)]
        for how in OPTIMIZE
    )
    return layers_to_leave(
        steps, fast, small, room, lambda programs: constant_bytes(graph, programs), value
    )


def _pass(graph: Graph, steps: Program, core: str, optimize: str, plain: frozenset[int]) -> Pass:
    program = choose_kernels(graph, steps, core, optimize, plain)
    return Pass(*fitted(program, lambda steps: plan(graph, steps)))


def constant_bytes(graph: Graph, programs: Iterable[Program], code: bool = True) -> int:
    """Bytes of all constants of the generated code. Equal constants are stored once.

    Args:
        graph: The network.
        programs: The kernel calls.
        code: Whether weights that are code count, too.
    """
    sizes: dict[tuple[object, ...], int] = {}
    for program in programs:
        for step in program:
            for constant in _constants(graph, step):
                if isinstance(constant, Code):
                    sizes[constant_key(constant)] = constant.bytes if code else 0
                else:
                    sizes[constant_key(constant)] = SIZES[constant.ctype] * constant.values.size
    for initial in initial_values(graph):
        sizes[constant_key(initial)] = initial.values.size
    return sum(sizes.values())


def initial_values(graph: Graph) -> list[Array]:
    """The constants that states begin with. States of equal bytes need none."""
    found = [Array("int8_t", values) for values in graph.states.values()]
    return [initial for initial in found if len(set(initial.values.tolist())) > 1]


def constant_key(constant: Array | Code) -> tuple[object, ...]:
    """Equal for constants that share one definition in the generated code."""
    if isinstance(constant, Code):
        return (constant.text,)
    return (constant.ctype, constant.values.tobytes(), constant.values.dtype.str)


def tensor_constant(graph: Graph, index: int) -> Array | None:
    """The array of the generated code that holds a constant operand; None for an activation."""
    data = graph.tensors[index].data
    return None if data is None else Array("int8_t", data.ravel())


def _constants(graph: Graph, step: Step | Alias | Copy | Slide) -> Iterator[Array | Code]:
    """The constants that a step's call refers to."""
    if not isinstance(step, Step):
        return
    for index in step.inputs:
        if (operand := tensor_constant(graph, index)) is not None:
            yield operand
    yield from _nested(step.settings)


def _nested(value: object) -> Iterator[Array | Code]:
    if isinstance(value, Array | Code):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _nested(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _nested(inner)
