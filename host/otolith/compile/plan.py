"""Plans the arena: where each activation lies in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from otolith.compile.graph import Alias, Copy, Graph, Program, Slide, Step

ALIGNMENT = 16
SEARCHED = 24  # blocks; arenas of more are not searched
NODES = 10_000  # of the search; a count and not a time, so that the result is always the same


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
        place: Of each tensor, ("arena", offset), ("state", offset), ("state + ring_2", offset) for
            variable 2 if it is a ring, or ("input", number of the input).
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


def roots(steps: Program) -> dict[int, tuple[int, int]]:
    """Of each tensor that lies in another one, that tensor, and the first byte in it."""
    parents = {s.output: (s.input, s.offset) for s in steps if isinstance(s, Alias)}
    found: dict[int, tuple[int, int]] = {}
    for index in parents:
        at, offset = index, 0
        while at in parents:
            at, more = parents[at]
            offset += more
        found[index] = (at, offset)
    return found


def written(step: Step | Alias | Copy | Slide) -> int | None:
    """The tensor that a step writes, wholly or in part; None if it only reads."""
    if isinstance(step, Slide):
        return None
    if isinstance(step, Copy):
        return step.tensor if step.load else None
    return step.output


def _read(step: Step | Alias | Copy | Slide) -> tuple[int, ...]:
    if isinstance(step, Slide):
        return ()
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
    shared = roots(steps)

    def root(index: int) -> int:
        return shared.get(index, (index, 0))[0]

    last: dict[int, int] = {}
    for at, step in zip(times, steps, strict=True):
        for index in _read(step):
            last[root(index)] = at
    for index in graph.outputs:
        last[root(index)] = len(steps)

    outside = {*graph.inputs, *graph.states}
    places = {step.output: step.in_place for step in steps if isinstance(step, Step)}
    blocks: list[Block] = []
    owner: dict[int, int] = {}  # block of each root
    for at, step in zip(times, steps, strict=True):
        out = written(step)
        if out is None or isinstance(step, Alias):
            continue
        alone, out = root(out) == out, root(out)
        if out in owner or out in outside:
            continue
        size = max(1, graph.tensors[out].bytes)
        ends = last.get(out, at)
        # Reuse the memory of an input that nobody needs afterwards.
        for index in places.get(out, ()) if alone else ():
            r = root(index)
            if (
                r in owner
                and r not in outside
                and shared.get(index, (index, 0))[1] == 0
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


class _Search:
    """The smallest arena, by branch and bound.

    In a smallest arena every block can lie at 0 or right above a block of its time. So blocks are
    tried in the order of their offsets, each above all earlier ones of its time. Of blocks with the
    same offset, the larger one comes first.
    """

    def __init__(self, blocks: Sequence[Block], found: tuple[int, dict[int, int]]) -> None:
        """Args: found: An arena's size and offsets, to be beaten."""
        self._order = sorted(range(len(blocks)), key=lambda n: (-blocks[n].size, n))
        self._sizes = [_aligned(blocks[n].size) for n in self._order]
        self._spans = [range(blocks[n].first, blocks[n].last + 1) for n in self._order]
        self._rivals = [
            {m for m, other in enumerate(self._spans) if set(span) & set(other)}
            for span in self._spans
        ]
        self._best, self._offsets = found
        self._nodes = 0
        self._seen: set[tuple[int, int, int, tuple[int, ...]]] = set()

    def run(self) -> tuple[int, dict[int, int]]:
        """The best arena's size and offsets. The given ones, unless there are better ones."""
        times = max((span.stop for span in self._spans), default=0)
        alive = [0] * times  # bytes of unplaced blocks at each time
        for size, span in zip(self._sizes, self._spans, strict=True):
            for t in span:
                alive[t] += size
        self._least = max(alive, default=0)
        if self._best > self._least and len(self._sizes) <= SEARCHED:
            self._visit([0] * times, alive, {}, (0, -1))
        return self._best, self._offsets

    def _visit(
        self, top: list[int], alive: list[int], placed: dict[int, int], last: tuple[int, int]
    ) -> None:
        """Places another block.

        Args:
            top: End of the highest placed block at each time.
            alive: Bytes of unplaced blocks at each time.
            placed: Offsets so far.
            last: Offset and number of the newest of them.
        """
        if len(placed) == len(self._sizes):
            self._best = max(top)
            self._offsets = {self._order[n]: at for n, at in placed.items()}
            return
        state = (sum(1 << n for n in placed), *last, tuple(top))
        if state in self._seen:
            return
        self._seen.add(state)
        free = [n for n in range(len(self._sizes)) if n not in placed]
        turns = sorted((max(top[t] for t in self._spans[n]), n) for n in free)
        late = [turn for turn in turns if turn >= last]
        for _, n in turns[: len(turns) - len(late)]:  # something has to go below it yet
            rivals = ((at, m) for at, m in turns if m != n and m in self._rivals[n])
            below = (max(at, last[0]) + self._sizes[m] for at, m in rivals)
            if min(below, default=self._best) + self._sizes[n] >= self._best:
                return
        for at, n in late:
            if self._best == self._least or self._nodes >= NODES:
                return
            self._nodes += 1
            above, left = list(top), list(alive)
            for t in self._spans[n]:
                above[t] = at + self._sizes[n]
                left[t] -= self._sizes[n]
            ends = zip(above, left, strict=True)
            if max(max(high, at) + more if more else high for high, more in ends) < self._best:
                self._visit(above, left, {**placed, n: at}, (at, n))


def slides(steps: Program) -> dict[int, Slide]:
    """The variables that only move."""
    return {step.state: step for step in steps if isinstance(step, Slide)}


def state_places(graph: Graph, steps: Program) -> tuple[dict[int, int], int]:
    """Where each state lies in the memory for states, and the bytes of all."""
    moving = slides(steps)
    places, total = {}, 0
    for index in graph.states:
        places[index] = total
        size = moving[index].bytes if index in moving else graph.tensors[index].bytes
        total += _aligned(size)
    return places, total


def plan(graph: Graph, steps: Program) -> Plan:
    """Places the tensors of a program in the smallest arena that is found.

    Outputs overwrite inputs where the kernel allows it. Blocks are placed best fit in several
    orders. If that takes more than the tensors of some step do, a smaller arena is searched for.
    The inputs of the graph are not in the arena: they are read where the caller keeps them.
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
    found = min((_best_fit(blocks, sorted(numbers, key=key)) for key in keys), key=lambda r: r[0])
    total, offsets = _Search(blocks, found).run()
    for number, block in enumerate(blocks):
        block.offset = offsets[number]
    place: dict[int, tuple[str, int]] = {i: ("input", n) for n, i in enumerate(graph.inputs)}
    moving = slides(steps)
    for index, at in state_places(graph, steps)[0].items():
        turns = index in moving and moving[index].turns
        place[index] = (f"state + ring_{index}" if turns else "state", at)
    place |= {tensor: ("arena", offsets[number]) for tensor, number in owner.items()}
    for index, (whole, offset) in roots(steps).items():
        if graph.tensors[whole].data is None:
            kind, start = place[whole]
            place[index] = (kind, start + offset)
    return Plan(
        place, total, tuple(blocks), {at: offsets[number] for at, number in scratch.items()}
    )
