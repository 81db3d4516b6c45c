"""What moves bytes: CONCATENATION, SPLIT, STRIDED_SLICE, TRANSPOSE and variables share a kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence

from otolith.compile.graph import Graph, Operation, Step, Tensor
from otolith.compile.ops import common
from otolith.errors import UserError

LOOPS = 4  # of nn_move_t


def steps_of(shape: Sequence[int]) -> list[int]:
    """Elements from one index of each dimension to the next."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def movable(op: Operation, *checked: Tensor) -> None:
    """Raises UserError unless the tensors are quantised activations of one type."""
    common.int8(op, *checked)


def move(
    op: Operation,
    x: Tensor,
    out: Tensor,
    dims: Sequence[int],
    read: tuple[int, Sequence[int]],
    write: tuple[int, Sequence[int]],
) -> Step:
    """The step that copies a block of elements.

    Args:
        op: The operation.
        x: The tensor it reads.
        out: The tensor it writes.
        dims: Dimensions of the block.
        read: The first element read, and elements from one index of each dimension to the next.
        write: The same of what is written.
    """
    item = x.bytes // x.count
    loops: list[tuple[int, int, int]] = []  # size, steps of read and write
    for size, a, b in zip(dims, read[1], write[1], strict=True):
        if size == 1:
            continue
        if loops and (loops[-1][1], loops[-1][2]) == (a * size, b * size):
            loops[-1] = (loops[-1][0] * size, a, b)
        else:
            loops.append((size, a, b))
    run = item
    if loops and loops[-1][1:] == (1, 1):
        run *= loops.pop()[0]
    if len(loops) > LOOPS:
        raise UserError(f"{common.where(op)}: too many dimensions: use the tflm engine")
    loops = [(1, 0, 0)] * (LOOPS - len(loops)) + loops
    settings = {
        "dims": [size for size, _, _ in loops],
        "in_step": [a * item for _, a, _ in loops],
        "out_step": [b * item for _, _, b in loops],
        "run": run,
    }
    starts = (read[0] * item, write[0] * item)
    return Step(op.name, "nn_move", "nn_move_t", settings, (x.index,), out.index, starts=starts)


def axis_of(op: Operation, axis: int, rank: int) -> int:
    """A dimension's number, counted from the front. Raises UserError if there is none."""
    if not -rank <= axis < rank:
        raise UserError(f"{common.where(op)}: axis {axis} of {rank} dimensions")
    return axis % rank


def part(graph: Graph, op: Operation) -> Step:
    """Lowers a part of CONCATENATION or SPLIT.

    Options: "axis", "start" (its first index there), "inside" (1 if the output holds the part, 0 if
    the input does).
    """
    (x,), _ = common.operands(graph, op, 1)
    out = graph.tensors[op.outputs[0]]
    movable(op, x, out)
    axis, start, inside = (int(op.options[key]) for key in ("axis", "start", "inside"))
    whole, piece = (out, x) if inside else (x, out)
    dims = (math.prod(whole.shape[:axis]), piece.count // math.prod(whole.shape[:axis]))
    first = start * math.prod(whole.shape[axis + 1 :])
    apart = math.prod(whole.shape[axis:])
    large, small = (first, (apart, 1)), (0, (dims[1], 1))
    return move(op, x, out, dims, *((small, large) if inside else (large, small)))


def cut_up(op: Operation, whole: Tensor, pieces: Sequence[Tensor], axis: int) -> list[int]:
    """The first index of each piece on an axis of the whole. Raises UserError if they don't fit."""
    starts = [0]
    for piece in pieces:
        if len(piece.shape) != len(whole.shape):
            raise UserError(f"{common.where(op)}: parts of {len(piece.shape)} dimensions")
        expected = (*whole.shape[:axis], piece.shape[axis], *whole.shape[axis + 1 :])
        common.same(op, piece.shape, expected, "shape of a part")
        starts.append(starts[-1] + piece.shape[axis])
    common.same(op, starts[-1], whole.shape[axis], "size of all parts")
    return starts[:-1]
