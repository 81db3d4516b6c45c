"""Plans the arena: where each activation lies in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from otolith.compile.graph import Alias, Copy, Graph, Program, Step

ALIGNMENT = 16


@dataclass
class Block:
    """Memory that several tensors use one after another, from step `first` to step `last`."""

    size: int
    first: int
    last: int
    tensors: list[int] = field(default_factory=list)
    offset: int = -1


@dataclass(frozen=True)
class Plan:
    """The arena of a program.

    Attributes:
        place: Of each tensor, ("arena", offset), ("state", offset) or ("input", number of the
            input).
        arena: Size of the arena in bytes.
        blocks: The blocks in it.
        scratch: Offset of the working memory of each step that needs some.
    """

    place: dict[int, tuple[str, int]]
    arena: int
    blocks: tuple[Block, ...]
    scratch: dict[int, int] = field(default_factory=dict)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _roots(graph: Graph, steps: Program) -> dict[int, int]:
    """Of each tensor, the tensor whose memory it shares because of a reshape."""
    roots: dict[int, int] = {}
    for step in steps:
        if isinstance(step, Alias):
            roots[step.output] = roots.get(step.input, step.input)
        elif isinstance(step, Step):
            roots[step.output] = step.output
    return roots


def written(step: Step | Alias | Copy) -> int | None:
    """The tensor that a step writes, wholly or in part; None if it only reads."""
    if isinstance(step, Copy):
        return step.tensor if step.load else None
    return step.output


def _read(step: Step | Alias | Copy) -> tuple[int, ...]:
    if isinstance(step, Copy):
        return () if step.load else (step.tensor,)
    return (step.input,) if isinstance(step, Alias) else step.inputs


def _times(steps: Program) -> list[int]:
    """The time of each step. Steps that write parts of one tensor have the same time."""
    times: list[int] = []
    before = None
    for step in steps:
        out = written(step)
        again = out is not None and out == before
        times.append(times[-1] if again else times[-1] + 1 if times else 0)
        before = out
    return times


def _blocks(graph: Graph, steps: Program, times: list[int]) -> tuple[list[Block], dict[int, int]]:
    roots = _roots(graph, steps)

    def root(index: int) -> int:
        return roots.get(index, index)

    last: dict[int, int] = {}
    for at, step in zip(times, steps, strict=True):
        for index in _read(step):
            last[root(index)] = at
    for index in graph.outputs:
        last[root(index)] = len(steps)

    outside = set(graph.inputs)
    places = {step.output: step.in_place for step in steps if isinstance(step, Step)}
    blocks: list[Block] = []
    owner: dict[int, int] = {}  # block of each root
    for at, step in zip(times, steps, strict=True):
        out = written(step)
        if out is None or out in owner or out in graph.states or isinstance(step, Alias):
            continue
        size = max(1, graph.tensors[out].bytes)
        ends = last.get(out, at)
        # Reuse the memory of an input that nobody needs afterwards.
        for index in places.get(out, ()):
            r = root(index)
            if (
                r in owner
                and r not in outside
                and last[r] == at
                and blocks[owner[r]].last == at
                and blocks[owner[r]].size >= size
            ):
                owner[out] = owner[r]
                blocks[owner[out]].last = ends
                blocks[owner[out]].tensors.append(out)
                break
        else:
            owner[out] = len(blocks)
            blocks.append(Block(size, at, ends, [out]))
    return blocks, owner


def _best_fit(blocks: Sequence[Block], order: list[int]) -> tuple[int, dict[int, int]]:
    """Places blocks in `order`, each in the smallest gap; returns the arena's size and offsets."""
    offsets: dict[int, int] = {}
    total = 0
    for number in order:
        block = blocks[number]
        size = _aligned(block.size)
        busy = sorted(
            (offsets[other], offsets[other] + _aligned(blocks[other].size))
            for other in offsets
            if blocks[other].first <= block.last and block.first <= blocks[other].last
        )
        best, at = None, 0
        for start, stop in busy:
            gap = start - at
            if gap >= size and (best is None or gap < best[0]):
                best = (gap, at)
            at = max(at, stop)
        offsets[number] = best[1] if best else at
        total = max(total, offsets[number] + size)
    return total, offsets


def state_places(graph: Graph) -> tuple[dict[int, int], int]:
    """Where each state lies in the memory for states, and the bytes of all."""
    places, total = {}, 0
    for index in graph.states:
        places[index] = total
        total += _aligned(graph.tensors[index].bytes)
    return places, total


def plan(graph: Graph, steps: Program) -> Plan:
    """Places the tensors of a program in the smallest arena that is found.

    Outputs overwrite inputs where the kernel allows it. Blocks are placed best fit in several
    orders. The inputs of the graph are not in the arena: they are read where the caller keeps them.
    """
    times = _times(steps)
    blocks, owner = _blocks(graph, steps, times)
    scratch = {}  # block of each step
    for number, (at, step) in enumerate(zip(times, steps, strict=True)):
        if isinstance(step, Step) and step.scratch:
            scratch[number] = len(blocks)
            blocks.append(Block(step.scratch, at, at))
    numbers = range(len(blocks))
    keys: list[Callable[[int], tuple[int, ...]]] = [
        lambda n: (-blocks[n].size, blocks[n].first),
        lambda n: (-blocks[n].size * (blocks[n].last - blocks[n].first + 1), blocks[n].first),
        lambda n: (blocks[n].first - blocks[n].last, -blocks[n].size),
        lambda n: (blocks[n].first, -blocks[n].size),
    ]
    total, offsets = min(
        (_best_fit(blocks, sorted(numbers, key=key)) for key in keys), key=lambda r: r[0]
    )
    for number, block in enumerate(blocks):
        block.offset = offsets[number]
    place: dict[int, tuple[str, int]] = {i: ("input", n) for n, i in enumerate(graph.inputs)}
    place |= {i: ("state", at) for i, at in state_places(graph)[0].items()}
    place |= {tensor: ("arena", offsets[number]) for tensor, number in owner.items()}
    for step in steps:
        if isinstance(step, Alias) and graph.tensors[step.input].data is None:
            place[step.output] = place[step.input]
    return Plan(
        place, total, tuple(blocks), {at: offsets[number] for at, number in scratch.items()}
    )
