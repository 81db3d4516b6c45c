"""A sliding window: rows a hop leaves as they were are kept, only the others are computed.

Each row of each tensor gets a key that says what it was computed from: frames by their place in
time, padding by its place in the kernel. Two rows with the same key are equal bit for bit, so what
survives a hop is found, not assumed, whatever strides and padding do. Where a stride is larger
than the shift, rows return after several hops: then the state of that many hops is kept, in turn.
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
MOST_PHASES = 16  # hops a row may need to return
WORTH = 0.9  # of the full pass; a hop that costs more is not worth its RAM

Keys = dict[int, list[int]]  # tensor -> key of each row


@dataclass(frozen=True)
class Layer:
    """What a hop does of one operation. `phases`: hops after which its rows return, 0 if none
    is kept; `kept`: bytes of RAM."""

    macs: int
    rows: int
    computed: int
    phases: int
    kept: int


@dataclass(frozen=True)
class Stream:
    """Two programs for one network: `full` for any window, `slide` where the last `history`
    windows are known and each was `hop` rows before the next. `cycle`: invocations after which
    the same slots are used again."""

    hop: int
    full: Program
    slide: Program
    kept: int
    history: int
    cycle: int
    layers: tuple[Layer, ...]
    effort: float  # of a hop, as part of the full pass

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of a hop."""
        return sum(layer.macs for layer in self.layers)


def stream(graph: Graph, steps: Sequence[Step | Alias], hop: int, frames: int | None) -> Stream:
    """The network for a window that slides by `hop` rows; UserError if it has no such window.

    frames: rows of the window, where the input's shape does not tell.
    """
    rows = _window_rows(graph, steps, frames)
    if not 1 <= hop < rows:
        raise UserError(f"a hop of {hop} rows: must be 1 to {rows - 1}, the window has {rows}")
    phases = min(MOST_PHASES, (rows - 1) // hop)
    analysis = _Analysis(graph, steps, hop, rows, phases)
    found = []
    for limit in range(phases + 1):
        # Where not all fits, the first layers keep: those behind them recompute.
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
    """Rows of one tensor that return: `loaded` are those that were `shift` lower `phases` hops
    ago."""

    phases: int
    shift: int
    loaded: tuple[int, ...]


NOTHING = _Kept(0, 0, ())


class _Analysis:
    def __init__(
        self, graph: Graph, steps: Sequence[Step | Alias], hop: int, rows: int, phases: int
    ) -> None:
        self.graph, self.steps, self.hop, self.rows = graph, steps, hop, rows
        numbers: dict[Hashable, int] = {}

        def key(*parts: Hashable) -> int:
            return numbers.setdefault(parts, len(numbers))

        keys = [self._keys(key, -hops * hop) for hops in range(phases + 1)]
        # step -> for each number of hops: (shift, rows that are those `shift` lower then)
        self.same: dict[int, list[tuple[int, set[int]]]] = {}
        for at, step in enumerate(steps):
            if isinstance(step, Step):
                own = [k[step.output] for k in keys]
                self.same[at] = [_shifted(own[0], then) for then in own[1:]]

    def count(self, index: int) -> int:
        """Rows of a tensor."""
        return (
            self.rows if index in self.graph.inputs else row_count(self.graph.tensors[index].shape)
        )

    def _keys(self, key: Callable[..., int], start: int) -> Keys:
        """Of every row, in a window whose first frame is number `start`."""
        found: Keys = {}

        def of(index: int) -> list[int]:
            if index not in found:  # a constant: row by row its own
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
                found[step.output] = [key(at, r, everything) for r in rows]
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
        """With rows that return after at most `limit` hops, kept of the first `layers` steps."""
        needed: dict[int, set[int]] = {}  # tensor -> rows somebody reads
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
        """What to keep of a step's output so that the fewest rows are computed; then, the fewest
        bytes kept."""
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
        """Copying moves about a word in the time of a multiply-accumulate."""
        return sum(
            effort(s, self.graph) if isinstance(s, Step) else s.size / 4
            for s in program
            if not isinstance(s, Alias)
        )

    def _copies(self, step: Step, kept: _Kept, base: int) -> tuple[list[Copy], list[Copy], int]:
        """Loads before and saves after the step, and the bytes they need from `base` on."""
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
    """How far most rows have moved up, and which rows are those so far below then."""
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
    """Rows not to compute: those that come, hop by hop, from a lower row that is wanted too. Rows
    they pass on their way are among them."""
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
    """Sorted rows as runs: first, and the one behind the last."""
    found: list[tuple[int, int]] = []
    for row in rows:
        if found and found[-1][1] == row:
            found[-1] = (found[-1][0], row + 1)
        else:
            found.append((row, row + 1))
    return found
