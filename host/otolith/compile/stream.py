"""Finds which rows of a network a hop leaves unchanged, so that only the others are computed.

Each row of each tensor gets a key that identifies what it was computed from: frames by their time,
padding by its place in the kernel. Rows with the same key are equal bit for bit, for any strides
and padding. If a stride is larger than the shift, rows return only after several hops. Then the
rows of that many hops are kept in turn.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from otolith.compile.graph import Alias, Copy, Graph, Program, Step
from otolith.compile.rows import cut, effort, row_count, rule_of
from otolith.errors import UserError

MOST_KEPT = 32 * 1024  # bytes of RAM
MOST_PHASES = 16  # hops after which a row may return
WORTH = 0.9  # part of the full pass; a hop that costs more does not justify its RAM

Keys = dict[int, list[int]]  # of each tensor, the key of each row


@dataclass(frozen=True)
class Layer:
    """What a hop computes of one operation.

    Attributes:
        macs: Multiply-accumulate operations.
        rows: Number of rows of its output.
        computed: Number of rows that are computed.
        phases: Hops after which kept rows return; 0 if none are kept.
        kept: Bytes of RAM that keep rows.
    """

    macs: int
    rows: int
    computed: int
    phases: int
    kept: int


@dataclass(frozen=True)
class Stream:
    """Two programs for one network.

    Attributes:
        hop: Rows by which the window moves.
        full: Program for any window.
        slide: Program after `history` windows, each `hop` rows after the one before.
        kept: Bytes of RAM that keep rows.
        history: Windows that must be computed whole first.
        cycle: Invocations after which the same slots are used again.
        layers: What a hop computes of each operation.
        effort: Cost of a hop as a part of the full pass.
    """

    hop: int
    full: Program
    slide: Program
    kept: int
    history: int
    cycle: int
    layers: tuple[Layer, ...]
    effort: float

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of a hop."""
        return sum(layer.macs for layer in self.layers)


def stream(graph: Graph, steps: Sequence[Step | Alias], hop: int, frames: int | None) -> Stream:
    """Finds what a network computes anew when its window moves.

    Args:
        graph: The network.
        steps: Its kernel calls, one for each operation.
        hop: Rows by which the window moves, 1 to the number of its rows - 1.
        frames: Rows of the window, if the front end defines them.

    Returns:
        The programs that cost least within MOST_KEPT bytes.

    Raises:
        UserError: The network has no window of rows, or `hop` does not fit it.
    """
    rows = _window_rows(graph, steps, frames)
    if not 1 <= hop < rows:
        raise UserError(f"a hop of {hop} rows: must be 1 to {rows - 1}, the window has {rows}")
    phases = min(MOST_PHASES, (rows - 1) // hop)
    analysis = _Analysis(graph, steps, hop, rows, phases)
    found = []
    for limit in range(phases + 1):
        # If not everything fits, the first layers keep rows and later ones recompute them.
        for layers in range(len(steps), -1, -1):
            found.append(analysis.build(limit, layers))
            if found[-1].kept <= MOST_KEPT:
                break
    return min((s for s in found if s.kept <= MOST_KEPT), key=lambda s: (s.effort, s.kept))


def _window_rows(graph: Graph, steps: Sequence[Step | Alias], frames: int | None) -> int:
    if len(graph.inputs) != 1:
        raise UserError(f"a network of {len(graph.inputs)} inputs has no one window that slides")
    shape = graph.tensors[graph.inputs[0]].shape
    others = [s.output for s in steps if isinstance(s, Alias) and s.input == graph.inputs[0]]
    counts = [row_count(shape), *(row_count(graph.tensors[i].shape) for i in others)]
    rows = next((n for n in counts if n > 1), frames or 1)
    if frames not in (None, rows):
        raise UserError(f"the network's window has {rows} rows, the front end's {frames} frames")
    return rows


@dataclass(frozen=True)
class _Kept:
    """Rows of one tensor that return.

    Attributes:
        phases: Hops after which they return.
        shift: Rows by which they have moved up then.
        loaded: The rows that are loaded instead of computed.
    """

    phases: int
    shift: int
    loaded: tuple[int, ...]


NOTHING = _Kept(0, 0, ())


class _Analysis:
    """The rows that are the same after each number of hops."""

    def __init__(
        self, graph: Graph, steps: Sequence[Step | Alias], hop: int, rows: int, phases: int
    ) -> None:
        self.graph, self.steps, self.hop, self.rows = graph, steps, hop, rows
        numbers: dict[Hashable, int] = {}

        def key(*parts: Hashable) -> int:
            return numbers.setdefault(parts, len(numbers))

        keys = [self._keys(key, -hops * hop) for hops in range(phases + 1)]
        # Of each step and number of hops: a shift, and the rows that were `shift` rows lower then.
        self.same: dict[int, list[tuple[int, set[int]]]] = {}
        for at, step in enumerate(steps):
            if isinstance(step, Step):
                own = [k[step.output] for k in keys]
                self.same[at] = [_shifted(own[0], then) for then in own[1:]]

    def count(self, index: int) -> int:
        """The number of rows of a tensor."""
        return (
            self.rows if index in self.graph.inputs else row_count(self.graph.tensors[index].shape)
        )

    def _keys(self, key: Callable[..., int], start: int) -> Keys:
        """The key of every row, in a window whose first frame has number `start`."""
        found: Keys = {}

        def of(index: int) -> list[int]:
            if index not in found:  # a constant: each row has a key of its own
                found[index] = [key("constant", index, r) for r in range(self.count(index))]
            return found[index]

        (window,) = self.graph.inputs
        found[window] = [key("frame", start + r) for r in range(self.rows)]
        for at, step in enumerate(self.steps):
            rows = range(self.count(step.output))
            if isinstance(step, Alias):
                given = of(step.input)
                whole = tuple(given)
                found[step.output] = (
                    given if len(given) == len(rows) else [key(at, r, whole) for r in rows]
                )
                continue
            rule = rule_of(step, self.graph)
            operands = [of(index) for index in step.inputs]
            if rule is None:
                everything = tuple(map(tuple, operands))
                others = tuple(found.get(step.output, ()))  # parts of the same tensor
                found[step.output] = [key(at, r, everything, others) for r in rows]
                continue
            found[step.output] = [
                key(
                    at,
                    tuple(
                        tuple(-1 if tap is None else operand[tap] for tap in taps)
                        for operand, taps in zip(
                            operands, rule.taps(step, self.graph, r), strict=True
                        )
                    ),
                )
                for r in rows
            ]
        return found

    def build(self, limit: int, layers: int) -> Stream:
        """The programs that keep rows of the first `layers` steps for at most `limit` hops."""
        needed: dict[int, set[int]] = {}  # of each tensor, the rows that are read
        for index in self.graph.outputs:
            needed[index] = set(range(self.count(index)))
        computed: dict[int, list[int]] = {}  # by step
        kept: dict[int, _Kept] = {}
        for at in reversed(range(len(self.steps))):
            step = self.steps[at]
            wanted = needed.get(step.output, set())
            if isinstance(step, Alias):
                given = self.count(step.input)
                equal = given == self.count(step.output)
                more = wanted if equal else set(range(given)) if wanted else set()
                needed.setdefault(step.input, set()).update(more)
                continue
            kept[at] = self._choose(at, wanted, limit if at < layers else 0)
            computed[at] = sorted(wanted - set(kept[at].loaded))
            rule = rule_of(step, self.graph)
            if rule is None and computed[at]:
                computed[at] = list(range(self.count(step.output)))
            for number, index in enumerate(step.inputs):
                read = needed.setdefault(index, set())
                if rule is None:
                    read.update(range(self.count(index)) if computed[at] else ())
                    continue
                for row in computed[at]:
                    taps = rule.taps(step, self.graph, row)[number]
                    read.update(tap for tap in taps if tap is not None)
        return self._programs(computed, kept, {index for index, rows in needed.items() if rows})

    def _choose(self, at: int, wanted: set[int], limit: int) -> _Kept:
        """What to keep of a step's output: few computed rows first, then few kept bytes."""
        best, least = NOTHING, (len(wanted), 0)
        for phases, (shift, same) in enumerate(self.same[at][:limit], 1):
            loaded = _loaded(wanted, same, shift)
            cost = (len(wanted - loaded), phases * len(loaded))
            if cost < least:
                best, least = _Kept(phases, shift, tuple(sorted(loaded))), cost
        return best

    def _programs(
        self, computed: dict[int, list[int]], kept: dict[int, _Kept], needed: set[int]
    ) -> Stream:
        full: list[Step | Alias | Copy] = []
        slide: list[Step | Alias | Copy] = []
        layers = []
        base = 0
        for at, step in enumerate(self.steps):
            if isinstance(step, Alias):
                full.append(step)
                slide += [step] if step.output in needed else []
                continue
            loads, saves, size = self._copies(step, kept[at], base)
            base += size
            rows = self.count(step.output)
            whole = len(computed[at]) == rows
            spans = [] if whole else _spans(computed[at])
            parts = [step] if whole else [cut(step, self.graph, *span) for span in spans]
            full += [step, *saves]
            slide += [*loads, *parts, *saves]
            macs = sum(part.macs for part in parts)
            layers.append(Layer(macs, rows, len(computed[at]), kept[at].phases, size))
        history = max((k.phases for k in kept.values()), default=0)
        cycle = math.lcm(*(k.phases for k in kept.values() if k.phases))
        ratio = self._effort(slide) / max(1.0, self._effort(full))
        return Stream(self.hop, full, slide, base, history, cycle, tuple(layers), ratio)

    def _effort(self, program: Program) -> float:
        """The cost of a program. Copying a word costs about one multiply-accumulate."""
        return sum(
            effort(s, self.graph) if isinstance(s, Step) else s.size / 4
            for s in program
            if isinstance(s, Step | Copy)
        )

    def _copies(self, step: Step, kept: _Kept, base: int) -> tuple[list[Copy], list[Copy], int]:
        """Loads before the step, saves after it, and the bytes that they need from `base` on."""
        tensor = self.graph.tensors[step.output]
        row = tensor.count // self.count(step.output)
        slot = -(-len(kept.loaded) * row // 4) * 4
        loads, saves, offset = [], [], 0
        for first, last in _spans(kept.loaded):
            size = (last - first) * row
            place = (base, slot, kept.phases, offset)
            loads.append(Copy(step.output, first * row, size, True, *place))
            saves.append(Copy(step.output, (first + kept.shift) * row, size, False, *place))
            offset += size
        return loads, saves, slot * kept.phases


def _shifted(now: list[int], then: list[int]) -> tuple[int, set[int]]:
    """By how much most rows have moved up, and the rows that were that much lower before."""
    places: dict[int, list[int]] = {}
    for row, key in enumerate(then):
        places.setdefault(key, []).append(row)
    shifts = Counter(
        old - row for row, key in enumerate(now) for old in places.get(key, ()) if old > row
    )
    if not shifts:
        return 0, set()
    shift = min(shifts, key=lambda s: (-shifts[s], s))
    return shift, {row for row in range(len(now) - shift) if now[row] == then[row + shift]}


def _loaded(wanted: set[int], same: set[int], shift: int) -> set[int]:
    """Rows that need not be computed: hop by hop, each comes from a lower row that is wanted too.

    The rows it passes on its way are kept as well.
    """
    loaded: set[int] = set()
    for row in wanted:
        way, at = [], row
        while at in same:
            way.append(at)
            at += shift
            if at in wanted:
                loaded.update(way)
                break
    return loaded


def _spans(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Sorted rows as runs: the first row, and the row after the last."""
    found: list[tuple[int, int]] = []
    for row in rows:
        if found and found[-1][1] == row:
            found[-1] = (found[-1][0], row + 1)
        else:
            found.append((row, row + 1))
    return found
