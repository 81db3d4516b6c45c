"""Rules for single rows: what an output row needs, and how to compute some rows only.

A row is one position on the axis after the batch; a row of an input is one frame. Kernels that work
row by row have a rule here. With all other kernels an output row needs all rows of the input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from otolith.compile.graph import Array, Graph, Rows, Settings, Step

Taps = tuple[tuple[int | None, ...], ...]  # of each operand, the rows needed; None is padding
Span = tuple[int, int]  # the first row, and the row after the last


def row_count(shape: tuple[int, ...]) -> int:
    """The number of rows of a tensor of one batch; 1 if it does not consist of rows."""
    return shape[1] if len(shape) >= 3 and shape[0] == 1 else 1


@dataclass(frozen=True)
class Rule:
    """How a kernel works row by row.

    Attributes:
        fits: Whether a step works row by row.
        taps: The input rows that output row r needs. Every row is the same function of them.
        cut: Settings that compute rows first to last - 1, and the rows of each operand they read.
    """

    fits: Callable[[Step, Graph], bool]
    taps: Callable[[Step, Graph, int], Taps]
    cut: Callable[[Step, Graph, int, int], tuple[Settings, list[Span]]]


def _counts(step: Step, graph: Graph) -> tuple[list[int], int]:
    """The number of rows of each operand and of the output."""
    return [row_count(graph.tensors[i].shape) for i in step.inputs], row_count(
        graph.tensors[step.output].shape
    )


# --- convolution and pooling ---


def _window_fits(step: Step, graph: Graph) -> bool:
    return bool(step.settings["window"]["batches"] == 1)


def _window_taps(step: Step, graph: Graph, row: int) -> Taps:
    w = step.settings["window"]
    origin = row * w["stride_h"] - w["pad_h"]
    places = (origin + tap * w["dilation_h"] for tap in range(w["kernel_h"]))
    return (tuple(place if 0 <= place < w["in_h"] else None for place in places),)


def _window_cut(step: Step, graph: Graph, first: int, last: int) -> tuple[Settings, list[Span]]:
    w = step.settings["window"]
    origin = first * w["stride_h"] - w["pad_h"]
    end = (last - 1) * w["stride_h"] - w["pad_h"] + (w["kernel_h"] - 1) * w["dilation_h"] + 1
    top, bottom = max(0, origin), min(w["in_h"], end)
    window = {**w, "in_h": bottom - top, "out_h": last - first, "pad_h": top - origin}
    return {**step.settings, "window": window}, [(top, bottom)]


# --- nearest neighbour ---


def _resize_fits(step: Step, graph: Graph) -> bool:
    return bool(step.settings["batches"] == 1)


def _resize_taps(step: Step, graph: Graph, row: int) -> Taps:
    return ((int(step.settings["row"].values[row]),),)


def _resize_cut(step: Step, graph: Graph, first: int, last: int) -> tuple[Settings, list[Span]]:
    rows = step.settings["row"].values[first:last]
    top, bottom = int(rows.min()), int(rows.max()) + 1
    sizes = {"in_h": bottom - top, "out_h": last - first, "row": Array("uint16_t", rows - top)}
    return {**step.settings, **sizes}, [(top, bottom)]


# --- element by element ---


def _each_fits(step: Step, graph: Graph) -> bool:
    (given,), made = _counts(step, graph)
    return given == made


def _same_row(step: Step, graph: Graph, row: int) -> Taps:
    return ((row,),)


def _each_cut(step: Step, graph: Graph, first: int, last: int) -> tuple[Settings, list[Span]]:
    rows = _counts(step, graph)[1]
    count = step.settings["count"] // rows * (last - first)
    return {**step.settings, "count": count}, [(first, last)]


def _axis(step: Step, graph: Graph) -> int:
    """The axis of the rows among four dimensions."""
    return 5 - len(graph.tensors[step.output].shape)


def _repeated(step: Step, axis: int) -> list[bool]:
    """For both operands, whether every output row reads the same row."""
    shape = step.settings["shape"]
    return [shape[name][axis] == 0 for name in ("stride_a", "stride_b")]


def _pair_fits(step: Step, graph: Graph) -> bool:
    given, made = _counts(step, graph)
    repeated = _repeated(step, _axis(step, graph))
    return all(n == 1 if again else n == made for n, again in zip(given, repeated, strict=True))


def _pair_taps(step: Step, graph: Graph, row: int) -> Taps:
    return tuple((0,) if again else (row,) for again in _repeated(step, _axis(step, graph)))


def _pair_cut(step: Step, graph: Graph, first: int, last: int) -> tuple[Settings, list[Span]]:
    axis, shape = _axis(step, graph), step.settings["shape"]
    dims = list(shape["dims"])
    dims[axis] = last - first
    spans = [(0, 1) if again else (first, last) for again in _repeated(step, axis)]
    return {**step.settings, "shape": {**shape, "dims": dims}}, spans


# --- padding ---


def _pad_fits(step: Step, graph: Graph) -> bool:
    axis = _axis(step, graph)
    sides = (*step.settings["before"][:axis], *step.settings["after"][:axis])
    return not any(sides) and _counts(step, graph)[0] == [step.settings["in"][axis]]


def _pad_taps(step: Step, graph: Graph, row: int) -> Taps:
    axis = _axis(step, graph)
    place = row - step.settings["before"][axis]
    return ((place if 0 <= place < step.settings["in"][axis] else None,),)


def _pad_cut(step: Step, graph: Graph, first: int, last: int) -> tuple[Settings, list[Span]]:
    axis, s = _axis(step, graph), step.settings
    before, size = s["before"][axis], s["in"][axis]
    top, bottom = (min(max(row - before, 0), size) for row in (first, last))
    above = min(max(before - first, 0), last - first)
    sizes = {"in": bottom - top, "before": above, "after": last - first - above - (bottom - top)}
    changed = {}
    for name, value in sizes.items():
        changed[name] = [value if i == axis else old for i, old in enumerate(s[name])]
    return {**s, **changed}, [(top, bottom)]


_WINDOW = Rule(_window_fits, _window_taps, _window_cut)
_EACH = Rule(_each_fits, _same_row, _each_cut)
_PAIR = Rule(_pair_fits, _pair_taps, _pair_cut)
RULES: Mapping[str, Rule] = {
    "nn_conv_2d": _WINDOW,
    "nn_depthwise_conv_2d": _WINDOW,
    "nn_max_pool_2d": _WINDOW,
    "nn_average_pool_2d": _WINDOW,
    "nn_resize_nearest_neighbor": Rule(_resize_fits, _resize_taps, _resize_cut),
    "nn_lookup": _EACH,
    "nn_requantize_all": _EACH,
    "nn_clamp_all": _EACH,
    "nn_add": _PAIR,
    "nn_sub": _PAIR,
    "nn_mul": _PAIR,
    "nn_pad": Rule(_pad_fits, _pad_taps, _pad_cut),
}


def rule_of(step: Step, graph: Graph) -> Rule | None:
    """The rule of a step; None if an output row needs all rows of all operands."""
    rule = RULES.get(step.kernel)
    made = row_count(graph.tensors[step.output].shape)
    return rule if rule and made > 1 and rule.fits(step, graph) else None


def cut(step: Step, graph: Graph, first: int, last: int) -> Step:
    """The part of a step that computes output rows `first` to `last` - 1.

    The step must have a rule.
    """
    rule = rule_of(step, graph)
    assert rule is not None
    settings, spans = rule.cut(step, graph, first, last)
    shares = []
    for index, (top, bottom) in zip(step.inputs, spans, strict=True):
        tensor = graph.tensors[index]
        rows = row_count(tensor.shape)
        shares.append((tensor.count // rows * top, (bottom - top) / rows))
    out = graph.tensors[step.output]
    rows = row_count(out.shape)
    part = Rows(tuple(shares), out.count // rows * first, (last - first) / rows)
    return replace(step, settings=settings, macs=step.macs * (last - first) // rows, rows=part)


def effort(step: Step, graph: Graph) -> float:
    """The approximate cost of a step, in multiply-accumulate operations.

    Pooling looks at each value of its window, and each output has a cost of its own.
    """
    outputs = graph.tensors[step.output].count * (step.rows.part if step.rows else 1)
    w = step.settings.get("window")
    taps = outputs * math.prod((w["kernel_h"], w["kernel_w"])) if w and not step.macs else 0
    return step.macs + taps + 4 * outputs
