"""DEPTHWISE_CONV_2D: on planes whose words hold two input values (plane.h).

With one output a channel there is no plane: its values are read where they are (column.h). Along
one axis a channel is one row of a plane, its first half packed with its second (strip.c).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from otolith.compile.cores.m0plus import pieces
from otolith.compile.cores.m0plus.conv_2d import HEADER, SCRATCH, pairs
from otolith.compile.cores.m0plus.requantize import line
from otolith.compile.graph import Array, Code, Graph, Settings, Step, Values
from otolith.compile.ops.common import LIMIT

COLUMNS = 120  # most columns that the function can pack
TAPS = 64  # with more taps the function would be longer than a branch reaches
STEP = 255  # largest immediate operand


def both_lowest(weights: Values) -> bool:
    """Whether two taps that are summed while packed are -128, -128. weights: [channels][taps]."""
    lowest = weights == -128
    even = weights.shape[1] // 2 * 2
    return bool((lowest[:, 0:even:2] & lowest[:, 1:even:2]).any())


def column(step: Step) -> Step | None:
    """The step on the kernel for one output a channel; None if it has others or is not exact."""
    w = step.settings["window"]
    sizes = tuple(w[key] for key in ("batches", "out_h", "out_w", "kernel_w", "pad_h", "pad_w"))
    taps, reach = w["kernel_h"], (w["kernel_h"] - 1) * w["dilation_h"]
    if sizes != (1, 1, 1, 1, 0, 0) or step.settings["multiplier"] != 1 or taps > TAPS:
        return None
    weights = step.settings["weights"].values.reshape(w["out_c"], taps)
    exact = line(step, weights)
    if exact is None or both_lowest(weights) or reach >= w["in_h"]:
        return None
    even = taps // 2 * 2
    parts = [exact.first[:, None], pairs(weights[:, :even], taps // 2), weights[:, even:]]
    values = np.concatenate([*parts, exact.constants], axis=1)
    arguments = ", ".join(map(str, (taps, exact.narrow, exact.fine, int(exact.signed))))
    settings = {
        "stream": Array("int32_t", values.ravel()),
        "stream_words": values.size,
        "pitch": w["dilation_h"] * w["in_w"] * w["in_c"],
        "column": Code(f"NN_M0_COLUMN({{name}}, {arguments})"),
    }
    return replace(
        step,
        kernel="nn_m0_depthwise_column",
        struct="nn_m0_depthwise_column_t",
        settings=settings,
        header=HEADER,
    )


def strip(step: Step, graph: Graph, w: Settings, weights: Values) -> Step | None:
    """The step on the kernel for one axis; None if it has two or that kernel is not exact.

    Args:
        step: The step.
        graph: The network.
        w: Its window, with the longer axis as height.
        weights: [channels][height][width].
    """
    channels, taps, width = weights.shape
    if (w["in_w"], w["out_w"], width, w["pad_w"], w["dilation_h"]) != (1, 1, 1, 0, 1):
        return None
    near = (w["out_h"] + 1) // 2
    apart = (w["out_h"] - near) * w["stride_h"]
    words = (near - 1) * w["stride_h"] + taps
    flat = weights.reshape(channels, taps)
    exact = line(step, flat)
    if exact is None or both_lowest(flat) or taps > TAPS or 4 * w["stride_h"] > STEP:
        return None
    inside = max(0, min(words, w["in_h"] + w["pad_h"] - apart) - w["pad_h"])
    if inside > COLUMNS or max(w["in_h"], w["out_h"], words) > LIMIT:
        return None
    both = (exact.first * 65537 + 2**31) % 2**32 - 2**31
    parts = [exact.first[:, None], both[:, None], flat.astype(np.int64), exact.constants]
    values = np.concatenate(parts, axis=1)
    piece = values.shape[1] * max(1, pieces.PIECE // (4 * values.shape[1]))
    shape = (1, taps, 4 * w["stride_h"], exact.narrow, exact.fine, int(exact.signed))
    settings = {
        "batches": w["batches"],
        "depth": w["in_c"],
        "channels": channels,
        "multiplier": step.settings["multiplier"],
        "in": w["in_h"],
        "out": w["out_h"],
        "stride": w["stride_h"],
        "pad": w["pad_h"],
        "words": words,
        "inside": inside,
        "fill": -step.settings["in_offset"],
        "stream": Array("int32_t", values.ravel()),
        "stream_words": values.size,
        "piece_words": piece,
        "channel_words": values.shape[1],
        "fetch": pieces.NONE,
        "plane": Code(f"NN_M0_PLANE({{name}}, {', '.join(map(str, shape))})"),
        "pack": Code(f"NN_M0_PACK({{name}}, 0, {inside}, 0)") if inside else None,
    }
    found = replace(
        step,
        kernel="nn_m0_depthwise_strip",
        struct="nn_m0_depthwise_strip_t",
        settings=settings,
        scratch=4 * words,
        header=HEADER,
    )
    if pieces.worth(step, graph, 4 * values.size):
        return pieces.fetching(found, values.size, min(piece, values.size))
    return found


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, if that is exact."""
    in_column = column(step) if optimize == "speed" else None
    if in_column is not None:
        return in_column
    w = dict(step.settings["window"])
    channels, depth = w["out_c"], w["in_c"]
    weights = step.settings["weights"].values.reshape(channels, w["kernel_h"], w["kernel_w"])
    places = {
        "in_row": w["in_w"] * depth,
        "in_column": depth,
        "out_row": w["out_w"] * channels,
        "out_column": channels,
    }
    if w["out_h"] == 1:  # pairs are made along the height, so swap the axes
        weights = weights.swapaxes(1, 2)
        for a in ("in", "out", "kernel", "stride", "dilation", "pad"):
            w[f"{a}_h"], w[f"{a}_w"] = w[f"{a}_w"], w[f"{a}_h"]
        for a in ("in", "out"):
            places[f"{a}_row"], places[f"{a}_column"] = places[f"{a}_column"], places[f"{a}_row"]
    in_strip = strip(step, graph, w, weights) if optimize == "speed" else None
    if in_strip is not None:
        return in_strip
    weights = weights.reshape(channels, -1)
    taps = weights.shape[1]
    if (w["dilation_w"] != 1 and w["kernel_w"] > 1) or taps > TAPS or 4 * w["stride_w"] > STEP:
        return step
    exact = line(step, weights)
    if exact is None or both_lowest(weights):
        return step
    # The last output ends with its kernel, not with a whole stride.
    columns = max((w["out_w"] - 1) * w["stride_w"] + w["kernel_w"], w["pad_w"])
    constants = np.concatenate([exact.first[:, None], exact.constants], axis=1)

    def scratch(band: int) -> int:
        rows = ((band + 1) // 2 - 1) * w["stride_h"] + (w["kernel_h"] - 1) * w["dilation_h"] + 1
        return int(4 * (rows * columns + 1 + taps + constants.shape[1]))

    band = w["out_h"]
    while band > 2 and scratch(band) > SCRATCH:
        band -= 1
    if max(places.values()) > LIMIT or columns > COLUMNS:
        return step
    shape = (w["kernel_h"], w["kernel_w"], 4 * w["stride_w"], exact.narrow, exact.fine)
    arguments = ", ".join(map(str, (*shape, int(exact.signed))))
    left = w["pad_w"]
    inside = min(w["in_w"], columns - left)
    copied = ("batches", "in_h", "in_w", "out_h", "out_w", "kernel_h", "stride_h", "stride_w")
    settings = {
        **{key: w[key] for key in (*copied, "dilation_h", "pad_h", "kernel_w")},
        "channels": channels,
        "multiplier": step.settings["multiplier"],
        "taps": taps,
        "band": band,
        "columns": columns,
        "left": left,
        "inside": inside,
        "lines": constants.shape[1] - 1,
        "fill": -step.settings["in_offset"],
        **places,
        "weights": Array("int8_t", weights.ravel()),
        "constants": Array("int32_t", constants.ravel()),
        "plane": Code(f"NN_M0_PLANE({{name}}, {arguments})"),
        "pack": Code(f"NN_M0_PACK({{name}}, {left}, {inside}, {columns - left - inside})"),
    }
    return replace(
        step,
        kernel="nn_m0_depthwise_conv_2d",
        struct="nn_m0_depthwise_conv_2d_t",
        settings=settings,
        scratch=scratch(band),
        header=HEADER,
    )
