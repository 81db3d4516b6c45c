"""FULLY_CONNECTED: four outputs at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from otolith.compile.cores.dsp.line import line
from otolith.compile.cores.dsp.packing import BLOCK, HEADER, filled, may_widen, output, pairs_of
from otolith.compile.graph import Array, Graph, Step, Values

GROUP = 4  # outputs at a time


def choose(step: Step, graph: Graph, optimize: str) -> Step:
    """The step on this core's kernel, unless the weights have a zero point."""
    given = step.settings
    outputs, inputs = given["outputs"], given["inputs"]
    plain = given["weights"].values.reshape(outputs, inputs)
    blocks = filled(plain, 1, BLOCK).reshape(outputs, -1, BLOCK)
    whole = outputs // GROUP * GROUP
    groups = blocks[:whole].reshape(whole // GROUP, GROUP, blocks.shape[1], BLOCK).swapaxes(1, 2)
    packed = np.concatenate([groups.reshape(-1, BLOCK), blocks[whole:].reshape(-1, BLOCK)])
    wide = optimize == "speed" and may_widen(packed, plain)
    straight = line(step, plain) if wide else None
    out = straight.out if straight else output(step, plain, 2 if wide else 1)
    if out is None or given["weight_offset"]:
        return step
    factor: Values | int = 2
    if straight:
        # the outputs in the order of the blocks
        by_group = np.arange(whole).reshape(-1, 1, GROUP).repeat(blocks.shape[1], axis=1)
        singly = np.arange(whole, outputs).repeat(blocks.shape[1])
        factor = (1 << straight.power)[np.concatenate([by_group.ravel(), singly])][:, None]
    kernel = "nn_dsp_fully_connected"
    settings = {
        "out": out,
        "weights16": pairs_of(packed, factor) if wide else None,
        "weights8": None if wide else Array("int8_t", packed),
        "batches": given["batches"],
        "inputs": inputs,
        "outputs": outputs,
    }
    return replace(
        step,
        kernel=kernel + ("_line" if straight else "" if wide else "_small"),
        struct=kernel + "_t",
        settings=settings,
        header=HEADER,
    )
