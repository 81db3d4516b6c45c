"""Cortex-M4 and M33 with the DSP extension: two 16-bit products an instruction (SMLAD)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from otolith.compile.graph import Array, Graph, Step

HEADER = "cores/dsp/dsp_kernels.h"
BLOCK = 4  # values that are widened together
ORDER = (0, 2, 1, 3)  # in which SXTB16 leaves them
GROUP = 4  # outputs of FULLY_CONNECTED at a time
GROWTH = 2.25  # of a file's weights, as 16-bit ones and filled up to whole blocks, at most


def filled(values: np.ndarray, axis: int, multiple: int) -> np.ndarray:
    """Zeros at the end of an axis, up to a multiple."""
    amounts = [(0, 0)] * values.ndim
    amounts[axis] = (0, -values.shape[axis] % multiple)
    return np.pad(values, amounts)


def output(step: Step, weights: np.ndarray, scale: int) -> dict | None:
    """nn_dsp_out_t of sums over `weights` [channels][...]; None where the short form isn't exact.

    scale: what the kernel's sums are multiplied by (2 with doubled weights).
    """
    out = step.settings["out"]
    channels = len(weights)
    flat = weights.reshape(channels, -1).astype(np.int64)
    given = step.settings["bias"]
    bias = np.zeros(channels, np.int64) if given is None else given.values.astype(np.int64)
    bias = bias + step.settings["in_offset"] * flat.sum(axis=1)
    multiplier = np.broadcast_to(out["multiplier"].values.astype(np.int64), channels)
    shift = -np.broadcast_to(out["shift"].values.astype(np.int64), channels)
    if (shift < 1).any():
        return None
    rounding = (1 << (shift - 1)) + (out["zero_point"] << shift)
    largest = np.abs(flat).sum(axis=1) * 128 + np.abs(bias)
    product = (largest * multiplier >> 31) + 2
    if (2 * largest >= 2**31).any() or (product + np.abs(rounding) >= 2**31).any():
        return None
    rows = filled(np.stack([scale * bias, multiplier, rounding, shift], axis=1), 0, 2)
    low, high = out["low"], out["high"]
    return {
        "channels": Array("int32_t", rows),
        "low": low,
        "high": high,
        "limited": int((low, high) != (-128, 127)),
    }


def pairs_of(blocks: np.ndarray) -> Array:
    """Blocks [...][4] doubled, as pairs of 16-bit values in the order of SXTB16."""
    halves = 2 * blocks[..., ORDER].astype("<i2")
    return Array("uint32_t", np.ascontiguousarray(halves).view("<u4").ravel())


def conv_2d(step: Step, graph: Graph, optimize: str) -> Step:
    """Also 1x1, which needs no copy of its input and may write over it."""
    window = step.settings["window"]
    channels, taps_h, taps_w = (window[k] for k in ("out_c", "kernel_h", "kernel_w"))
    plain = step.settings["weights"].values.reshape(channels, taps_h, taps_w, window["in_c"])
    # A segment: taps that lie side by side in the input.
    segments_a_row = 1 if window["dilation_w"] == 1 else taps_w
    segments = plain.reshape(channels, taps_h * segments_a_row, -1)
    segments = filled(segments, 2, BLOCK)
    blocks = segments.size // channels // BLOCK
    pairs = filled(segments.reshape(channels, blocks, BLOCK), 0, 2)
    packed = np.swapaxes(pairs.reshape(-1, 2, blocks, BLOCK), 1, 2)
    wide = optimize == "speed" and 2 * packed.size <= GROWTH * plain.size
    out = output(step, plain, 2 if wide else 1)
    if out is None:
        return step
    reach_h = (taps_h - 1) * window["dilation_h"] + 1
    reach_w = (window["out_w"] - 1) * window["stride_w"] + (taps_w - 1) * window["dilation_w"] + 1
    padded = (
        window["pad_h"] > 0
        or window["pad_w"] > 0
        or (window["out_h"] - 1) * window["stride_h"] + reach_h > window["in_h"]
        or reach_w > window["in_w"]
    )
    pointwise = taps_h == taps_w == window["stride_h"] == window["stride_w"] == 1
    # Reading whole blocks, a kernel may read past the input: then it reads a copy.
    copied = not pointwise and (padded or segments.shape[2] != plain[0].size // segments.shape[1])
    ring_rows = reach_h if copied else 0
    pitch = -(-(reach_w * window["in_c"] + BLOCK) // BLOCK) * BLOCK if copied else 0
    kernel = "nn_dsp_pointwise" if pointwise else "nn_dsp_conv_2d"
    segment_blocks = segments.shape[2] // BLOCK
    settings = {
        "window": window,
        "out": out,
        "weights16": pairs_of(packed) if wide else None,
        "weights8": None if wide else Array("int8_t", packed),
        "blocks": blocks,
        "segment_blocks": segment_blocks,
        "segments_a_row": segments_a_row,
        "ring_rows": ring_rows,
        "pitch": pitch,
        "fill": -step.settings["in_offset"],
    }
    scratch = 16 * blocks + ring_rows * pitch
    in_place = step.inputs if pointwise and window["out_c"] <= window["in_c"] else ()
    return replace(
        step,
        kernel=kernel if wide else kernel + "_small",
        struct="nn_dsp_conv_2d_t",
        settings=settings,
        in_place=in_place,
        scratch=scratch,
        header=HEADER,
    )


def axis(window: dict, along: str, in_step: int, out_step: int) -> dict:
    """nn_dsp_axis_t: height ("h") or width ("w") of a plane, its steps in bytes."""
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


def depthwise_conv_2d(step: Step, graph: Graph, optimize: str) -> Step:
    """Unless dilated along both axes."""
    window, multiplier = step.settings["window"], step.settings["multiplier"]
    in_c, out_c, in_w, out_w = (window[k] for k in ("in_c", "out_c", "in_w", "out_w"))
    taps = window["kernel_h"], window["kernel_w"]
    weights = step.settings["weights"].values.reshape(out_c, *taps)
    out = output(step, weights, 2)
    dilations = window["dilation_h"], window["dilation_w"]
    if out is None or min(dilations) > 1:
        return step
    axes = {
        "h": axis(window, "h", in_w * in_c, out_w * out_c),
        "w": axis(window, "w", in_c, out_c),
    }
    fast = taps == (3, 3) and window["stride_h"] == window["stride_w"] == 1

    def cost(along: str) -> int:
        """About the instructions, with lines along height or width."""
        place, line = axes[along], axes["w" if along == "h" else "h"]
        if window[f"dilation_{along}"] > 1:
            return 2**62
        if fast:
            return line["out"] * (10 + 36 * -(-place["out"] // 2))
        groups = -(-place["out"] // 4) if place["out"] >= 4 else place["out"]
        return line["out"] * groups * (70 + line["taps"] * (7 + 12 * -(-place["taps"] // 2)))

    along, across = ("h", "w") if cost("h") <= cost("w") else ("w", "h")
    place, line = axes[along], axes[across]
    # Whole pairs of taps are read, and by the fast kernel whole pairs of places.
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
    scratch = 2 * line["count"] * pitch
    return replace(
        step,
        kernel="nn_dsp_depthwise_3x3" if fast else "nn_dsp_depthwise_conv_2d",
        struct="nn_dsp_depthwise_conv_2d_t",
        settings=settings,
        in_place=step.inputs if fast and multiplier == 1 else (),
        scratch=scratch + (0 if fast else 4 * pairs * line["taps"]),
        header=HEADER,
    )


def fully_connected(step: Step, graph: Graph, optimize: str) -> Step:
    """Unless weights have a zero point."""
    given = step.settings
    outputs, inputs = given["outputs"], given["inputs"]
    plain = given["weights"].values.reshape(outputs, inputs)
    blocks = filled(plain, 1, BLOCK).reshape(outputs, -1, BLOCK)
    whole = outputs // GROUP * GROUP
    groups = blocks[:whole].reshape(whole // GROUP, GROUP, blocks.shape[1], BLOCK).swapaxes(1, 2)
    packed = np.concatenate([groups.reshape(-1, BLOCK), blocks[whole:].reshape(-1, BLOCK)])
    wide = optimize == "speed" and 2 * packed.size <= GROWTH * plain.size
    out = output(step, plain, 2 if wide else 1)
    if out is None or given["weight_offset"]:
        return step
    kernel = "nn_dsp_fully_connected"
    settings = {
        "out": out,
        "weights16": pairs_of(packed) if wide else None,
        "weights8": None if wide else Array("int8_t", packed),
        "batches": given["batches"],
        "inputs": inputs,
        "outputs": outputs,
    }
    return replace(
        step,
        kernel=kernel if wide else kernel + "_small",
        struct=kernel + "_t",
        settings=settings,
        header=HEADER,
    )


def pool_2d(step: Step, graph: Graph, optimize: str) -> Step:
    """Of channels in fours, if sums of a window fit 16 bits."""
    window = step.settings["window"]
    average = step.kernel == "nn_average_pool_2d"
    if window["in_c"] % 4 or (average and window["kernel_h"] * window["kernel_w"] > 256):
        return step
    return replace(step, kernel=step.kernel.replace("nn_", "nn_dsp_"), header=HEADER)


def mean(step: Step, graph: Graph, optimize: str) -> Step:
    """Of results in fours."""
    if step.settings["inner"] % 4:
        return step
    return replace(step, kernel="nn_dsp_mean", header=HEADER)


def operand(offset: int, multiplier: int, shift: int) -> dict:
    """nn_dsp_operand_t; shift as TFLite has it, 0 or less."""
    return {
        "offset": offset * 2**21,
        "multiplier": multiplier,
        "round": 1 << (-shift - 1) if shift else 0,
        "shift": -shift,
        "sign": -1 if shift else 0,
    }


def add(step: Step, graph: Graph, optimize: str) -> Step:
    """ADD or SUB. Operands are below 2^28 before and after rescaling, as their multipliers are at
    most a half, so twice a sum fits."""
    given = step.settings
    a, b = (graph.tensors[i] for i in step.inputs)
    shift, zero_point = -given["out_shift"], given["zero_point"]
    if a.shape != b.shape or not 1 <= shift <= 22:
        return step
    kernel = step.kernel.replace("nn_", "nn_dsp_")
    settings = {
        "count": math.prod(given["shape"]["dims"]),  # some rows of the tensors, perhaps
        "a": operand(given["a_offset"], given["a_multiplier"], given["a_shift"]),
        "b": operand(given["b_offset"], given["b_multiplier"], given["b_shift"]),
        "multiplier": given["out_multiplier"],
        "round": (1 << (shift - 1)) + (zero_point << shift),
        "shift": shift,
        "low": given["low"],
        "high": given["high"],
    }
    return replace(step, kernel=kernel, struct="nn_dsp_add_t", settings=settings, header=HEADER)


KERNELS: dict[str, Callable[[Step, Graph, str], Step]] = {
    "nn_add": add,
    "nn_average_pool_2d": pool_2d,
    "nn_conv_2d": conv_2d,
    "nn_depthwise_conv_2d": depthwise_conv_2d,
    "nn_fully_connected": fully_connected,
    "nn_max_pool_2d": pool_2d,
    "nn_mean": mean,
    "nn_sub": add,
}
