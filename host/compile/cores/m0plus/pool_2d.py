"""MAX_POOL_2D: all channels of one tap after another."""

from __future__ import annotations

from dataclasses import replace

from host.compile.cores.m0plus.conv_2d import HEADER
from host.compile.graph import Graph, Step


def specialise(step: Step, graph: Graph, optimize: str) -> Step:
    return replace(step, kernel="nn_m0_max_pool_2d", header=HEADER)
