"""ADD and SUB by a straight line, proven for every pair of inputs."""

from __future__ import annotations

from dataclasses import replace

from otolith.compile.cores.dsp.packing import HEADER
from otolith.compile.cores.m0plus.elementwise import line_of_sum, runs_of
from otolith.compile.graph import Graph, Step

SHIFTS = (22, 21, 20, 19)  # fractional bits of a line; fewer for sums further outside


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, if operands lie in runs and a line is exact."""
    runs = runs_of(step.settings["shape"])
    for shift in SHIFTS if runs is not None else ():
        line = line_of_sum(step.settings, -1 if step.kernel == "nn_sub" else 1, shift)
        if line is not None:
            limits = {name: step.settings[name] for name in ("low", "high")}
            return replace(
                step,
                kernel="nn_dsp_add",
                struct="nn_dsp_add_t",
                settings={"run": runs, **line, "shift": shift, **limits},
                header=HEADER,
            )
    return step
