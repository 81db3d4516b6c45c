"""DEPTHWISE_CONV_2D: a channel at a time, as 16-bit lines."""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.cores.dsp.line import line as line_of
from otolith.compile.cores.dsp.packing import HEADER, output
from otolith.compile.graph import Array, Graph, Settings, Step


def axis(window: Settings, along: str, in_step: int, out_step: int) -> Settings:
    """The nn_dsp_axis_t of a plane's height ("h") or width ("w"). Steps are in bytes."""
    taps, stride, before = (window[f"{k}_{along}"] for k in ("kernel", "stride", "pad"))
    reach = (taps - 1) * window[f"dilation_{along}"] + 1
    out = window[f"out_{along}"]
    count = max((out - 1) * stride + reach, before + window[f"in_{along}"])
    return {
        "count": count,
        "before": before,
        "in": window[f"in_{along}"],
        "out": out,
        "in_step": in_step,
        "out_step": out_step,
        "taps": taps,
        "stride": stride,
    }


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, unless it is dilated along both axes."""
    window, multiplier = step.settings["window"], step.settings["multiplier"]
    in_c, out_c, in_w, out_w = (window[k] for k in ("in_c", "out_c", "in_w", "out_w"))
    taps = window["kernel_h"], window["kernel_w"]
    weights = step.settings["weights"].values.reshape(out_c, *taps)
    straight = line_of(step, weights, same=True)
    out = straight.out if straight else output(step, weights, 2)
    dilations = window["dilation_h"], window["dilation_w"]
    if out is None or min(dilations) > 1:
        return step
    # Of channels that are read where they are, other columns are not there (views.py).
    wide = {**window, "in_w": 1} if step.starts else window
    axes = {
        "h": axis(window, "h", in_w * in_c, out_w * out_c),
        "w": axis(wide, "w", in_c, out_c),
    }
    fast = taps == (3, 3) and window["stride_h"] == window["stride_w"] == 1

    def cost(along: str) -> int:
        """The approximate cycles of an M4 with lines along height or width."""
        place, line = axes[along], axes["w" if along == "h" else "h"]
        if window[f"dilation_{along}"] > 1:
            return 2**62
        if fast:
            return int(line["out"] * (50 + 42 * -(-place["out"] // 2)))
        window_cost = 45 + line["taps"] * (10 + 13 * -(-place["taps"] // 2))
        return int(line["out"] * (60 + -(-place["out"] // 4) * window_cost))

    along, across = ("h", "w") if cost("h") <= cost("w") else ("w", "h")
    place, line = axes[along], axes[across]
    # Kernels read whole pairs of taps; the fast kernel also reads whole pairs of places.
    pitch = place["count"] + 2 + place["count"] % 2
    packed = weights if across == "h" else weights.transpose(0, 2, 1)
    pairs = -(-place["taps"] // 2)
    settings = {
        "line": line,
        "place": place,
        "out": out,
        "weights": Array("int8_t", packed),
        "batches": window["batches"],
        "in_c": in_c,
        "multiplier": multiplier,
        "line_dilation": window[f"dilation_{across}"],
        "pitch": pitch,
        "pairs": pairs,
        "in_size": window["in_h"] * in_w * in_c,
        "out_size": window["out_h"] * out_w * out_c,
        "fill": -step.settings["in_offset"],
    }
    kernel = "nn_dsp_depthwise_3x3" if fast else "nn_dsp_depthwise_conv_2d"
    scratch = 2 * line["count"] * pitch
    if not fast:
        beyond = max(0, 4 - place["out"]) * place["stride"]  # that four outputs at a time read
        scratch += 4 * pairs * line["taps"] + 2 * beyond
    return replace(
        step,
        kernel=kernel + ("_line" if straight else ""),
        struct="nn_dsp_depthwise_conv_2d_t",
        settings=settings,
        in_place=step.inputs if fast and multiplier == 1 else (),
        scratch=scratch,
        header=HEADER,
    )
