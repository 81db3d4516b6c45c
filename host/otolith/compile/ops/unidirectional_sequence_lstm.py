"""UNIDIRECTIONAL_SEQUENCE_LSTM: int8 with a cell of 16 bits, as TensorFlow Lite Micro has it."""

from __future__ import annotations

import math

import numpy as np

from otolith.compile.arithmetic import quantize_multiplier
from otolith.compile.graph import Array, Graph, Operation, Settings, Step, Tensor
from otolith.compile.ops import common
from otolith.errors import UserError

GATES = ("input", "forget", "cell", "output")
GATE_SCALE = np.float32(2.0**-12)  # of what a gate's activation takes
ONE = 2.0**-15  # scale of what it gives
LEFT_OUT = (9, 10, 11, 16, 17, 20, 21, 22, 23)  # peepholes, projection, layer normalisation
HIDDEN, CELL = 18, 19


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    if not 20 <= len(op.inputs) <= 24 or len(op.outputs) != 1:
        raise UserError(f"{common.where(op)}: {len(op.inputs)} inputs, {len(op.outputs)} outputs")
    extra = [i for i in LEFT_OUT if i < len(op.inputs) and op.inputs[i] >= 0]
    needed = [i for i in range(20) if i not in LEFT_OUT]
    if extra or any(op.inputs[i] < 0 for i in needed):
        raise UserError(
            f"{common.where(op)}: peepholes, projection, layer normalisation and coupled gates are "
            "not supported, by no engine"
        )
    given = {i: graph.tensors[op.inputs[i]] for i in (0, *needed)}
    x, hidden, cell, out = given[0], given[HIDDEN], given[CELL], graph.tensors[op.outputs[0]]
    common.int8(op, x, hidden, out)
    if cell.dtype != "int16" or len(cell.scales) != 1 or cell.zero_point:
        raise UserError(f"{common.where(op)}: its cell must be int16 with zero point 0")
    if not {hidden.index, cell.index} <= set(graph.states):
        raise UserError(f"{common.where(op)}: its hidden and cell state must be variables")
    power = math.log2(cell.scale)
    if not power.is_integer() or not -30 <= power <= -1:
        raise UserError(f"{common.where(op)}: the cell's scale must be a power of 2")
    common.same(op, int(op.options["activation"]), 4, "fused activation")
    if op.options["projection_clip"] or op.options["diagonal"]:
        raise UserError(f"{common.where(op)}: projection or diagonal weights are not supported")
    if len(x.shape) != 3:
        raise UserError(f"{common.where(op)}: needs three dimensions")
    by_time = bool(op.options["time_major"])
    batches, steps = (x.shape[1], x.shape[0]) if by_time else x.shape[:2]
    inputs, cells = x.shape[2], hidden.count // batches
    common.same(op, out.shape, (*x.shape[:2], cells), "output shape")
    common.same(op, (hidden.count, cell.count), (batches * cells,) * 2, "sizes of the states")
    common.same(op, (hidden.scale, hidden.zero_point), (out.scale, out.zero_point), "hidden state")
    common.small(op, batches, steps, inputs, cells)
    clip = float(op.options["cell_clip"]) / float(cell.scale)
    if not 0 <= clip < 1e9:
        raise UserError(f"{common.where(op)}: cell clip {op.options['cell_clip']:g}")
    shift = 15 + int(power) - 3
    mul = [
        quantize_multiplier(ONE),
        quantize_multiplier(ONE * ONE / float(cell.scale)),
        quantize_multiplier(ONE * ONE / float(hidden.scale)),
    ]
    settings = {
        "gates": [_gate(op, number, given, x, hidden, cells) for number in range(4)],
        "batches": batches,
        "steps": steps,
        "inputs": inputs,
        "cells": cells,
        "step_items": batches if by_time else 1,
        "batch_items": 1 if by_time else steps,
        "in_offset": -x.zero_point,
        "hidden_offset": -hidden.zero_point,
        "clip": int(min(clip, 32767)),
        "tanh_multiplier": 3 << shift if shift >= 0 else 3,
        "tanh_shift": max(0, -shift),
        "multiplier": [m for m, _ in mul],
        "shift": [s for _, s in mul],
    }
    kernel = "nn_lstm"
    macs = 4 * batches * steps * cells * (inputs + cells)
    operands = (x.index, hidden.index, cell.index)
    return Step(op.name, kernel, kernel + "_t", settings, operands, out.index, macs)


def _gate(
    op: Operation, number: int, given: dict[int, Tensor], x: Tensor, hidden: Tensor, cells: int
) -> Settings:
    """The nn_lstm_gate_t of a gate."""
    w, r, bias = (given[first + number] for first in (1, 5, 12))
    settings: Settings = {}
    for name, tensor, source, size in (
        ("input", w, x, x.shape[2]),
        ("recurrent", r, hidden, cells),
    ):
        what = f"{name} weights of the {GATES[number]} gate"
        values = common.constant(op, tensor, "int8", what)
        common.same(op, values.shape, (cells, size), f"shape of the {what}")
        if len(tensor.scales) != 1 or tensor.zero_point:
            raise UserError(f"{common.where(op)}: {what} need one scale and zero point 0")
        common.bounded(op, source, values)
        product = float(np.float32(source.scale) * np.float32(tensor.scale))
        multiplier, shift = quantize_multiplier(product / float(GATE_SCALE))
        settings[name] = Array("int8_t", values.ravel())
        settings[f"{name}_multiplier"], settings[f"{name}_shift"] = multiplier, shift
    settings["bias"] = common.bias_values(op, bias, cells)
    return settings
