"""Saves memory around windows: PAD is not written out, and a pool may write over its input.

A convolution skips taps outside its input, as if zeros were there. So does MAX_POOL_2D, as if the
smallest value were there. Where PAD writes just that, the reader takes PAD's input and pads itself.

A pool gives less than it takes, and walks over input and output in the same direction. Where it
never reads what it has written, both may begin at the same place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from otolith.compile.graph import Alias, Graph, Settings, Step

LIMIT = 65535  # a window's fields are uint16_t on the chip
CONVOLUTIONS = ("nn_conv_2d", "nn_depthwise_conv_2d")
POOLS = ("nn_max_pool_2d", "nn_average_pool_2d")


def without_padding(graph: Graph, steps: Sequence[Step | Alias]) -> list[Step | Alias]:
    """The steps with each PAD left out whose only reader can skip the border."""
    found: list[Step | Alias | None] = list(steps)
    for at, pad in enumerate(steps):
        if not isinstance(pad, Step) or pad.kernel != "nn_pad" or pad.output in graph.outputs:
            continue
        readers = [k for k, step in enumerate(steps) if pad.output in _read(step)]
        if len(readers) != 1:
            continue
        reader = steps[readers[0]]
        window = _window(graph, steps, pad, reader)
        if window is not None:
            assert isinstance(reader, Step)
            inputs = (pad.inputs[0], *reader.inputs[1:])
            settings = {**reader.settings, "window": window}
            found[readers[0]] = replace(reader, inputs=inputs, settings=settings)
            found[at] = None
    return [_over_input(step) for step in found if step is not None]


def _read(step: Step | Alias) -> tuple[int, ...]:
    return step.inputs if isinstance(step, Step) else (step.input,)


def _window(
    graph: Graph, steps: Sequence[Step | Alias], pad: Step, reader: Step | Alias
) -> Settings | None:
    """The window of `reader` on the input of `pad`; None if it can't skip that border."""
    given, fill = pad.settings, pad.settings["value"]
    if not isinstance(reader, Step) or reader.inputs[0] != pad.output or _ends(given):
        return None
    if reader.kernel in CONVOLUTIONS:
        skips = fill == graph.tensors[pad.inputs[0]].zero_point == -reader.settings["in_offset"]
    else:
        skips = reader.kernel == "nn_max_pool_2d" and fill <= _least(steps, pad.inputs[0])
    if not skips:
        return None
    window = {**reader.settings["window"]}
    for axis, k in (("h", 1), ("w", 2)):
        window[f"in_{axis}"] = given["in"][k]
        window[f"pad_{axis}"] += given["before"][k]
        if not _touches(window, axis):
            return None
    return window


def _ends(given: Settings) -> bool:
    """Whether PAD adds images or channels."""
    return any(given[side][k] for side in ("before", "after") for k in (0, 3))


def _least(steps: Sequence[Step | Alias], tensor: int) -> int:
    """No value of a tensor is smaller."""
    made = [step for step in steps if step.output == tensor]
    if len(made) != 1 or not isinstance(made[0], Step):
        return -128
    settings = made[0].settings
    low: int = settings.get("out", settings).get("low", -128)
    return max(-128, low)


def _touches(window: Settings, axis: str) -> bool:
    """Whether every output sees at least one tap inside the input, and the padding fits."""
    size, stride, pad = window[f"in_{axis}"], window[f"stride_{axis}"], window[f"pad_{axis}"]
    taps, dilation = window[f"kernel_{axis}"], window[f"dilation_{axis}"]
    return pad <= LIMIT and all(
        any(0 <= place * stride - pad + tap * dilation < size for tap in range(taps))
        for place in range(window[f"out_{axis}"])
    )


def _over_input(step: Step | Alias) -> Step | Alias:
    """A pool that may write over its input says so."""
    if not isinstance(step, Step) or step.kernel not in POOLS or step.rows:
        return step
    return replace(step, in_place=step.inputs) if _follows(step.settings["window"]) else step


def _follows(w: Settings) -> bool:
    """Whether a pool, pixel by pixel, never writes where it reads afterwards.

    A pixel may be written over its own first tap, which kernels read before they write.
    """
    first = {}
    for axis in ("h", "w"):
        stride, pad = w[f"stride_{axis}"], w[f"pad_{axis}"]
        first[axis] = [max(0, place * stride - pad) for place in range(w[f"out_{axis}"])]
    images, rows, columns = w["batches"], w["in_h"], w["in_w"]
    later = images * rows * columns  # first pixel that is still read
    number = images * w["out_h"] * w["out_w"]
    for image in reversed(range(images)):
        for y in reversed(first["h"]):
            for x in reversed(first["w"]):
                number -= 1
                reads = (image * rows + y) * columns + x
                if number >= later or number > reads:
                    return False
                later = min(later, reads)
    return True
