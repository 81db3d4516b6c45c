"""MUL of operands that lie in runs."""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.cores.dsp.packing import HEADER
from otolith.compile.cores.m0plus.elementwise import runs_of
from otolith.compile.graph import Graph, Step


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, if operands lie in runs and no product overflows."""
    given = step.settings
    runs = runs_of(given["shape"])
    left, shift = max(0, given["shift"]) + 1, max(0, -given["shift"])
    round_ = (given["zero_point"] << shift) + (1 << shift >> 1)
    most = [max(abs(given[f"{name}_offset"] + end) for end in (-128, 127)) for name in "ab"]
    largest = most[0] * most[1] << left
    product = (largest * given["multiplier"] >> 32) + abs(round_) + 2
    if runs is None or shift > 31 or max(largest, product) >= 2**31:
        return step
    settings = {
        "run": runs,
        "a_offset": given["a_offset"],
        "b_offset": given["b_offset"],
        "left": left,
        "multiplier": given["multiplier"],
        "round": round_,
        "shift": shift,
        "sign": -1 if shift else 0,
        "low": given["low"],
        "high": given["high"],
    }
    return replace(
        step, kernel="nn_dsp_mul", struct="nn_dsp_mul_t", settings=settings, header=HEADER
    )
