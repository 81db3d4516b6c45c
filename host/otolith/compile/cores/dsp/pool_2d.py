"""MAX_POOL_2D and AVERAGE_POOL_2D: four channels at a time."""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.cores.dsp.packing import HEADER
from otolith.compile.graph import Graph, Step


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, for a multiple of four channels and sums that fit 16 bits."""
    window = step.settings["window"]
    average = step.kernel == "nn_average_pool_2d"
    if window["in_c"] % 4 or (average and window["kernel_h"] * window["kernel_w"] > 256):
        return step
    return replace(step, kernel=step.kernel.replace("nn_", "nn_dsp_"), header=HEADER)
