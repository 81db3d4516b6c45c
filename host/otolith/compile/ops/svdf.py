"""SVDF with a state of int8 or int16, which moves on by one value an invocation."""

from __future__ import annotations

from otolith.compile.arithmetic import quantize_multiplier
from otolith.compile.graph import Array, Graph, Operation, Settings, Step
from otolith.compile.ops import common
from otolith.errors import UserError

KERNELS = {"int8": "nn_svdf", "int16": "nn_svdf_16"}


def lower(graph: Graph, op: Operation) -> Step:
    """Lowers the operation (ops.lower)."""
    if len(op.inputs) != 5 or len(op.outputs) != 1 or -1 in (*op.inputs[:3], op.inputs[4]):
        raise UserError(f"{common.where(op)}: {len(op.inputs)} inputs, {len(op.outputs)} outputs")
    x, w, t, state = (graph.tensors[op.inputs[i]] for i in (0, 1, 2, 4))
    bias = graph.tensors[op.inputs[3]] if op.inputs[3] >= 0 else None
    out = graph.tensors[op.outputs[0]]
    common.int8(op, x, out)
    if state.index not in graph.states or state.dtype not in KERNELS or len(state.scales) != 1:
        raise UserError(f"{common.where(op)}: its state must be a variable of int8 or int16")
    feature = common.constant(op, w, "int8", "feature weights")
    time = common.constant(op, t, state.dtype, "time weights")
    if feature.ndim != 2 or time.ndim != 2 or len(x.shape) != 2 or len(t.scales) != 1:
        raise UserError(f"{common.where(op)}: needs two dimensions and one scale a tensor")
    (filters, inputs), memory = feature.shape, time.shape[1]
    rank, batches = int(op.options["rank"]), x.shape[0]
    if rank < 1 or filters % rank or len(w.scales) != 1 or w.zero_point or t.zero_point:
        raise UserError(f"{common.where(op)}: rank {rank} of {filters} filters, or zero points")
    if int(op.options["activation"]) not in (0, 1):
        raise UserError(f"{common.where(op)}: its fused activation is not supported")
    units = filters // rank
    common.same(op, time.shape[0], filters, "filters of the time weights")
    common.same(op, x.shape[1], inputs, "inputs")
    common.same(op, out.shape, (batches, units), "output shape")
    common.same(op, state.count, batches * filters * memory, "size of the state")
    if state.dtype == "int16":
        common.same(op, state.zero_point, 0, "zero point of the state")
    common.small(op, batches, filters, inputs, memory)
    common.bounded(op, x, feature)
    if inputs and memory * rank > 2**15:
        raise UserError(f"{common.where(op)}: a memory of {memory} is too long")
    first = quantize_multiplier(float(x.scale) * float(w.scale) / float(state.scale))
    second = quantize_multiplier(float(state.scale) * float(t.scale) / float(out.scale))
    settings: Settings = {
        "feature": Array("int8_t", feature.ravel()),
        "time": Array(f"{state.dtype}_t", time.ravel()),
        "bias": common.bias_values(op, bias, units),
        "batches": batches,
        "inputs": inputs,
        "units": units,
        "rank": rank,
        "memory": memory,
        "in_offset": -x.zero_point,
        "state_zero": state.zero_point,
        "multiplier": list(n for n, _ in (first, second)),
        "shift": list(n for _, n in (first, second)),
        "zero_point": out.zero_point,
    }
    if state.dtype == "int16":
        weights = settings["time"]
        settings = {"shape": {**settings, "time": None}, "time": weights}
    kernel = KERNELS[state.dtype]
    macs = batches * filters * (inputs + memory)
    operands = (x.index, state.index)
    return Step(op.name, kernel, kernel + "_t", settings, operands, out.index, macs)
