"""MAX_POOL_2D: all channels of a tap together. AVERAGE_POOL_2D: without a call for each value."""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.cores.m0plus.conv_2d import HEADER
from otolith.compile.graph import Graph, Step

FEW = 4  # with fewer channels the portable kernel is as fast


def choose_max(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, if it has enough channels."""
    if step.settings["window"]["in_c"] < FEW:
        return step
    return replace(step, kernel="nn_m0_max_pool_2d", header=HEADER)


def choose_average(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel."""
    return replace(step, kernel="nn_m0_average_pool_2d", header=HEADER)
