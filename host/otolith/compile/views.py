"""Removes copies: a tensor that only holds a part of another one is read and written there.

- A slice or split in one piece lies in the tensor that it is cut from.
- A part of a CONCATENATION in one piece is computed in place.
- Channels that SPLIT takes out for a DEPTHWISE_CONV_2D are read where they are.
- A variable that is read, joined with new rows, cut and assigned again is a window that moves
  (graph.Slide): nothing is copied except, in a ring, the new rows.

Networks without such operations are left as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from otolith.compile.graph import Alias, Graph, Program, Slide, Step
from otolith.compile.plan import roots

MOVE = "nn_move"
RING_FROM = 256  # bytes of a variable; shorter ones are shifted
RING_STEPS = 3  # so many times longer than its step


def without_moves(graph: Graph, steps: Sequence[Step | Alias]) -> Program:
    """A program with fewer copies and the same results."""
    if not any(isinstance(step, Step) and step.kernel == MOVE for step in steps):
        return steps
    work = _Work(graph, list(steps))
    work.variables()
    work.cuts()
    work.joins()
    work.channels()
    return [*(step for step in work.steps if step is not None), *work.slides]


@dataclass
class _Piece:
    """A copy in one piece: bytes `source` to `source` + `size` of `input`, to `target`."""

    input: int
    output: int
    source: int
    target: int
    size: int


class _Work:
    """The steps of a network while copies are removed. A removed step is None."""

    def __init__(self, graph: Graph, steps: list[Step | Alias]) -> None:
        self.graph = graph
        self.steps: list[Step | Alias | None] = list(steps)
        self.slides: list[Slide] = []

    def piece(self, step: Step | Alias | None) -> _Piece | None:
        """The copy that a step is, if it is one in one piece."""
        if not isinstance(step, Step) or step.kernel != MOVE or step.settings["dims"] != [1] * 4:
            return None
        source, target = step.starts
        return _Piece(step.inputs[0], step.output, source, target, step.settings["run"])

    def readers(self, index: int) -> list[int]:
        """The places of the steps that read a tensor."""
        return [
            at
            for at, step in enumerate(self.steps)
            if (isinstance(step, Step) and index in step.inputs)
            or (isinstance(step, Alias) and step.input == index)
        ]

    def writers(self, index: int) -> list[int]:
        """The places of the steps that write a tensor."""
        return [
            at for at, step in enumerate(self.steps) if step is not None and step.output == index
        ]

    def home(self, index: int) -> int:
        """The tensor in whose memory a tensor lies."""
        found = roots([step for step in self.steps if step is not None])
        return found.get(index, (index, 0))[0]

    # --- variables ---

    def variables(self) -> None:
        """Turns variables into windows that move, or at least reads them in place."""
        for state in self.graph.states:
            if not self._window(state):
                self._read_in_place(state)

    def _window(self, state: int) -> bool:
        """Makes a variable a window that moves, if that is what the network does with it.

        Its first bytes are what it holds, the bytes after them are new. The tensor that joins both
        may leave out the oldest bytes.
        """
        size = self.graph.tensors[state].bytes
        reads, writes = self.readers(state), self.writers(state)
        if len(reads) != 1 or len(writes) != 1:
            return False
        read, write = self.piece(self.steps[reads[0]]), self.piece(self.steps[writes[0]])
        if read is None or write is None or write.size != size or read.size != size:
            return False
        removed = [reads[0], writes[0]]
        # From the variable, or a part of it without its oldest bytes, to the joined tensor.
        skipped, old = 0, read.output
        places = self.readers(old)
        first = self.piece(self.steps[places[0]]) if len(places) == 1 else None
        if first is not None and first.target == 0 and self._whole(first):
            skipped, old = first.source, first.output
            removed += places
            places = self.readers(old)
            first = self.piece(self.steps[places[0]]) if len(places) == 1 else None
        kept = size - skipped
        if first is None or (first.source, first.target, first.size) != (0, 0, kept):
            return False
        joined, join = first.output, places[0]
        # From the joined tensor, or its end, back to the variable.
        new, cut = write.input, 0
        if new != joined:
            makers = self.writers(new)
            last = self.piece(self.steps[makers[0]]) if len(makers) == 1 else None
            if last is None or last.input != joined or last.size != size or last.target:
                return False
            cut = last.source
        step = skipped + cut
        if step == 0 or skipped + self.graph.tensors[joined].bytes != size + step:
            return False
        if self._shown(state, joined) or min(self.writers(joined)) != join:
            return False
        for at in removed:
            self.steps[at] = None
        self.steps[join] = Alias(state, joined, skipped)
        turns = size % step == 0 and size >= max(RING_FROM, RING_STEPS * step)
        self.slides.append(Slide(state, size, step, turns))
        return True

    def _whole(self, piece: _Piece) -> bool:
        """Whether a copy makes all of its output and ends with the end of its input."""
        tensors = self.graph.tensors
        end = piece.source + piece.size
        return piece.size == tensors[piece.output].bytes and end == tensors[piece.input].bytes

    def _shown(self, *indices: int) -> bool:
        """Whether an output of the network would lie in one of these tensors."""
        inside = set(indices)
        for step in self.steps:
            piece = self.piece(step)
            if piece is not None and piece.input in inside:
                inside.add(piece.output)
            elif isinstance(step, Alias) and step.input in inside:
                inside.add(step.output)
        return bool(inside & set(self.graph.outputs))

    def _read_in_place(self, state: int) -> None:
        """Reads a variable where it is, if nothing writes it before the last use."""
        for at in self.readers(state):
            piece = self.piece(self.steps[at])
            if piece is None or piece.size != self.graph.tensors[state].bytes:
                continue
            uses, writes = self._uses(piece.output), self.writers(state)
            if not self._shown(piece.output) and not any(
                at < write <= max(uses, default=at) for write in writes
            ):
                self.steps[at] = Alias(state, piece.output)

    def _uses(self, index: int) -> list[int]:
        """The places of all steps that read a tensor, under any name."""
        found: list[int] = []
        names = [index]
        for name in names:
            for at in self.readers(name):
                step = self.steps[at]
                found.append(at)
                copy = isinstance(step, Alias) or self.piece(step) is not None
                if step is not None and copy and step.output not in (*names, *self.graph.states):
                    names.append(step.output)
        return found

    # --- other tensors ---

    def cuts(self) -> None:
        """Slices and splits in one piece lie in what they are cut from."""
        fixed = {*self.graph.inputs, *self.graph.states}
        for at, step in enumerate(self.steps):
            piece = self.piece(step)
            if piece is None or piece.size != self.graph.tensors[piece.output].bytes:
                continue
            if len(self.writers(piece.output)) > 1 or piece.output in self.graph.states:
                continue
            if self.graph.tensors[piece.input].data is not None or piece.input in fixed:
                continue
            if self.home(piece.input) in self.graph.inputs:
                continue
            self.steps[at] = Alias(piece.input, piece.output, piece.source)

    def joins(self) -> None:
        """Parts of a CONCATENATION in one piece are computed where they belong."""
        for at, step in enumerate(self.steps):
            piece = self.piece(step)
            if piece is None or piece.source or piece.output in self.graph.states:
                continue
            part = self.graph.tensors[piece.input]
            taken = {s.output for s in self.steps if isinstance(s, Alias)}
            made = [self.steps[place] for place in self.writers(piece.input)]
            if (
                piece.size == part.bytes
                and part.data is None
                and piece.input not in (*self.graph.inputs, *self.graph.states, *taken)
                and made
                and all(isinstance(one, Step) for one in made)
                and self.home(piece.output) != piece.input
            ):
                self.steps[at] = Alias(piece.output, piece.input, piece.target)

    def channels(self) -> None:
        """A DEPTHWISE_CONV_2D of one column reads its channels where they are.

        Its input then is as wide as all channels are, counted in widths of its own.
        """
        for at, step in enumerate(self.steps):
            if not isinstance(step, Step) or step.kernel != MOVE:
                continue
            run, (*outer, rows) = step.settings["run"], step.settings["dims"]
            pitch, packed = step.settings["in_step"][3], step.settings["out_step"][3]
            dense = packed == run and outer == [1] * 3 and step.starts[1] == 0
            if not dense or pitch <= 0 or pitch % run or rows < 2:
                continue
            if rows * run != self.graph.tensors[step.output].bytes:
                continue
            source = step.inputs[0]
            if (
                self.home(source) in self.graph.inputs
                or self.graph.tensors[source].data is not None
            ):
                continue
            views = self._views(step.output, run)
            if not views or self.home(step.output) != step.output:
                continue
            for place, offset in views.items():
                user = self.steps[place]
                assert isinstance(user, Step)
                window = {**user.settings["window"], "in_w": pitch // run}
                first = step.starts[0] + offset // run * pitch
                self.steps[place] = replace(
                    user,
                    settings={**user.settings, "window": window},
                    inputs=(source,),
                    starts=(first, 0),
                )
            unread = [step.output]
            for name in unread:
                for gone in self.readers(name):
                    unread.append(self.steps[gone].output)  # type: ignore[union-attr]
                    self.steps[gone] = None
            self.steps[at] = None

    def _views(self, index: int, run: int) -> dict[int, int] | None:
        """The convolutions that read a tensor or rows of it, and the first byte that each reads.

        None if anything else reads it.
        """
        found: dict[int, int] = {}
        for at in self.readers(index):
            step = self.steps[at]
            if isinstance(step, Alias):
                inner = self._views(step.output, run)
                if inner is None or step.offset % run or step.output in self.graph.outputs:
                    return None
                found |= {place: step.offset + offset for place, offset in inner.items()}
                continue
            assert isinstance(step, Step)
            if step.kernel != "nn_depthwise_conv_2d" or step.starts:
                return None
            window = step.settings["window"]
            if (window["in_w"], window["kernel_w"], window["out_w"]) != (1, 1, 1) or (
                window["in_c"],
                window["batches"],
                window["pad_h"],
            ) != (run, 1, 0):
                return None
            found[at] = 0
        return None if index in self.graph.outputs else found
