"""CONV_2D: dot products of blocks of four values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from otolith.compile.cores.dsp.line import line
from otolith.compile.cores.dsp.packing import BLOCK, HEADER, filled, may_widen, output, pairs_of
from otolith.compile.graph import Array, Graph, Step, Values


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel. 1x1 needs no copy of its input and may overwrite it."""
    window = step.settings["window"]
    channels, taps_h, taps_w = (window[k] for k in ("out_c", "kernel_h", "kernel_w"))
    plain = step.settings["weights"].values.reshape(channels, taps_h, taps_w, window["in_c"])
    # A segment consists of taps that are neighbours in the input.
    segments_a_row = 1 if window["dilation_w"] == 1 else taps_w
    segments = plain.reshape(channels, taps_h * segments_a_row, -1)
    segments = filled(segments, 2, BLOCK)
    blocks = segments.size // channels // BLOCK
    pairs = filled(segments.reshape(channels, blocks, BLOCK), 0, 2)
    packed = np.swapaxes(pairs.reshape(-1, 2, blocks, BLOCK), 1, 2)
    wide = optimize == "speed" and may_widen(packed, plain)
    pixels = window["batches"] * window["out_h"] * window["out_w"]
    # Pixels are computed by four or, three quarters as fast, by two.
    straight = line(step, plain) if wide and 3 * -(-pixels // 4) <= 2 * -(-pixels // 2) else None
    out = straight.out if straight else output(step, plain, 2 if wide else 1)
    if out is None:
        return step
    factor: Values | int = 2
    if straight:
        factor = filled(1 << straight.power, 0, 2).reshape(-1, 1, 2, 1)
    reach_h = (taps_h - 1) * window["dilation_h"] + 1
    reach_w = (window["out_w"] - 1) * window["stride_w"] + (taps_w - 1) * window["dilation_w"] + 1
    padded = (
        window["pad_h"] > 0
        or window["pad_w"] > 0
        or (window["out_h"] - 1) * window["stride_h"] + reach_h > window["in_h"]
        or reach_w > window["in_w"]
    )
    pointwise = taps_h == taps_w == window["stride_h"] == window["stride_w"] == 1
    # A kernel that reads whole blocks could read past the input, so it reads a copy.
    copied = not pointwise and (padded or segments.shape[2] != plain[0].size // segments.shape[1])
    ring_rows = reach_h if copied else 0
    pitch = -(-(reach_w * window["in_c"] + BLOCK) // BLOCK) * BLOCK if copied else 0
    kernel = "nn_dsp_pointwise" if pointwise else "nn_dsp_conv_2d"
    segment_blocks = segments.shape[2] // BLOCK
    settings = {
        "window": window,
        "out": out,
        "weights16": pairs_of(packed, factor) if wide else None,
        "weights8": None if wide else Array("int8_t", packed),
        "blocks": blocks,
        "segment_blocks": segment_blocks,
        "segments_a_row": segments_a_row,
        "ring_rows": ring_rows,
        "pitch": pitch,
        "fill": -step.settings["in_offset"],
    }
    scratch = (32 if straight else 16) * blocks + ring_rows * pitch
    in_place = step.inputs if pointwise and window["out_c"] <= window["in_c"] else ()
    return replace(
        step,
        kernel=kernel + ("_line" if straight else "" if wide else "_small"),
        struct="nn_dsp_conv_2d_t",
        settings=settings,
        in_place=in_place,
        scratch=scratch,
        header=HEADER,
    )
