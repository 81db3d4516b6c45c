"""FULLY_CONNECTED: loads an input once for four outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from otolith.compile.cores.m0plus.conv_2d import HEADER
from otolith.compile.graph import Array, Graph, Step

TOGETHER = 4  # fully_connected.c


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel; not for few outputs, where filling up to four costs more."""
    s = step.settings
    inputs, outputs = s["inputs"], s["outputs"]
    if s["weight_offset"] or outputs < TOGETHER - 1:
        return step
    weights = s["weights"].values.reshape(outputs, inputs)
    filled = np.zeros((-(-outputs // TOGETHER) * TOGETHER, inputs), np.int64)
    filled[:outputs] = weights
    bias = np.zeros(outputs, np.int64) if s["bias"] is None else s["bias"].values.astype(np.int64)
    bias = bias + s["in_offset"] * weights.astype(np.int64).sum(axis=1)
    bias = (bias + 2**31) % 2**32 - 2**31  # sums wrap, as on the chip
    settings = {
        "out": s["out"],
        "weights": Array("int8_t", filled.reshape(-1, TOGETHER, inputs).swapaxes(1, 2).ravel()),
        "bias": Array("int32_t", bias),
        **{key: s[key] for key in ("batches", "inputs", "outputs")},
    }
    kernel = "nn_m0_fully_connected"
    return replace(step, kernel=kernel, struct=kernel + "_t", settings=settings, header=HEADER)
