"""ADD and SUB of two tensors of one shape."""

from __future__ import annotations

import math
from dataclasses import replace

from otolith.compile.cores.dsp.packing import HEADER
from otolith.compile.graph import Graph, Settings, Step


def operand(offset: int, multiplier: int, shift: int) -> Settings:
    """The nn_dsp_operand_t of an operand. shift: TFLite's, 0 or less."""
    return {
        "offset": offset * 2**21,
        "multiplier": multiplier,
        "round": 1 << (-shift - 1) if shift else 0,
        "shift": -shift,
        "sign": -1 if shift else 0,
    }


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, if both tensors have one shape.

    Operands are below 2^28 before and after rescaling, because their multipliers are at most 1/2.
    So twice their sum fits.
    """
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
