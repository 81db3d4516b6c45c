"""Checks and settings that several operations share."""

from __future__ import annotations

import numpy as np

from otolith.compile.arithmetic import activation_range, quantize_multiplier
from otolith.compile.graph import Array, Graph, Operation, Settings, Tensor, Values
from otolith.errors import UserError, short

LIMIT = 65535  # sizes are uint16_t on the chip


def where(op: Operation) -> str:
    """Names an operation in a message."""
    return f"operator {op.position} ({op.name})"


def operands(
    graph: Graph, op: Operation, needed: int, optional: int = 0
) -> tuple[list[Tensor], list[Tensor | None]]:
    """The input tensors of an operation with one output.

    Args:
        graph: The network.
        op: The operation.
        needed: Number of inputs that must be there.
        optional: Number of further inputs that may be left out.

    Raises:
        UserError: The operation has other numbers of inputs or outputs.
    """
    if not needed <= len(op.inputs) <= needed + optional or len(op.outputs) != 1:
        raise UserError(f"{where(op)}: {len(op.inputs)} inputs, {len(op.outputs)} outputs")
    found = [graph.tensors[i] if i >= 0 else None for i in op.inputs]
    given = [tensor for tensor in found[:needed] if tensor is not None]
    if len(given) != needed:
        raise UserError(f"{where(op)}: an input is left out")
    more = found[needed:]
    return given, more + [None] * (optional - len(more))


def int8(op: Operation, *checked: Tensor) -> None:
    """Raises UserError unless the activations are int8 with one scale each."""
    for tensor in checked:
        if tensor.dtype != "int8":
            raise UserError(
                f"{where(op)}: {tensor.dtype} is not supported, only int8: "
                "quantise the model fully, or use the tflm engine"
            )
        if len(tensor.scales) != 1:
            raise UserError(f"{where(op)}: tensor {tensor.name[:40]} has no single scale")


def same(op: Operation, got: object, wanted: object, what: str) -> None:
    """Raises UserError unless `got` equals `wanted`."""
    if got != wanted:
        raise UserError(f"{where(op)}: {what} is {short(got)}, not {short(wanted)}")


def constant(op: Operation, tensor: Tensor | None, dtype: str, what: str) -> Values:
    """The values of a constant input. Raises UserError if it is not a constant of `dtype`."""
    if tensor is None or tensor.data is None or tensor.dtype != dtype:
        raise UserError(f"{where(op)}: {what} must be a constant of {dtype}")
    return tensor.data


def small(op: Operation, *values: int) -> None:
    """Raises UserError if a size does not fit the chip's uint16_t."""
    if any(not 0 <= v <= LIMIT for v in values):
        raise UserError(f"{where(op)}: a size is above {LIMIT}: use the tflm engine")


def activation(op: Operation, out: Tensor) -> tuple[int, int]:
    """Limits of the output, int8, from the fused activation."""
    return activation_range(op.options.get("activation", 0), out.scale, out.zero_point, where(op))


def padding(op: Operation, size: int, out: int, taps: int, stride: int, dilation: int) -> int:
    """Padding before the first input along an axis.

    Args:
        op: The operation.
        size: Size of the input.
        out: Size of the output.
        taps: Size of the kernel.
        stride: Distance of neighbouring outputs.
        dilation: Distance of neighbouring taps.

    Raises:
        UserError: The output has another size than these give.
    """
    if not (1 <= stride <= LIMIT and 1 <= dilation <= LIMIT and 1 <= taps <= LIMIT):
        raise UserError(f"{where(op)}: stride {stride}, dilation {dilation}, size {taps}")
    reach = (taps - 1) * dilation + 1
    kind = op.options["padding"]
    if kind == 0:  # SAME
        expected = -(-size // stride)
    elif kind == 1:  # VALID
        expected = (size - reach + stride) // stride
    else:
        raise UserError(f"{where(op)}: padding {kind} is not supported")
    same(op, out, expected, "output size")
    return max(0, (out - 1) * stride + reach - size) // 2


def window(op: Operation, x: Tensor, out: Tensor, kernel_h: int, kernel_w: int) -> Settings:
    """The nn_window_t of a convolution or pooling."""
    if len(x.shape) != 4 or len(out.shape) != 4:
        raise UserError(f"{where(op)}: needs four dimensions, not {list(x.shape)}")
    same(op, out.shape[0], x.shape[0], "output batch")
    small(op, *x.shape, *out.shape)
    o = {key: int(value) for key, value in op.options.items()}
    dilation_h, dilation_w = o.get("dilation_h", 1), o.get("dilation_w", 1)
    pad_h = padding(op, x.shape[1], out.shape[1], kernel_h, o["stride_h"], dilation_h)
    pad_w = padding(op, x.shape[2], out.shape[2], kernel_w, o["stride_w"], dilation_w)
    small(op, pad_h, pad_w)
    return {
        "batches": x.shape[0],
        "in_h": x.shape[1],
        "in_w": x.shape[2],
        "in_c": x.shape[3],
        "out_h": out.shape[1],
        "out_w": out.shape[2],
        "out_c": out.shape[3],
        "kernel_h": kernel_h,
        "kernel_w": kernel_w,
        "stride_h": o["stride_h"],
        "stride_w": o["stride_w"],
        "dilation_h": dilation_h,
        "dilation_w": dilation_w,
        "pad_h": pad_h,
        "pad_w": pad_w,
    }


def requantize(op: Operation, real: list[float], out: Tensor) -> Settings:
    """The nn_requantize_t for real multipliers: one a channel, or a single one."""
    pairs = [quantize_multiplier(r) for r in real]
    low, high = activation(op, out)
    return {
        "multiplier": Array("int32_t", np.array([m for m, _ in pairs], np.int64)),
        "shift": Array("int8_t", np.array([s for _, s in pairs])),
        "per_channel": int(len(pairs) > 1),
        "zero_point": out.zero_point,
        "low": low,
        "high": high,
    }


def convolution_scales(
    op: Operation, x: Tensor, w: Tensor, out: Tensor, channels: int
) -> list[float]:
    """input * weight / output scale of each output channel, in double precision as in TFLM."""
    if len(w.scales) not in (1, channels):
        raise UserError(f"{where(op)}: {len(w.scales)} weight scales for {channels} channels")
    if any(w.zero_points):
        raise UserError(f"{where(op)}: weights with a zero point are not supported")
    scales = w.scales * channels if len(w.scales) == 1 else w.scales
    return [float(x.scale) * float(s) / float(out.scale) for s in scales]


def bounded(op: Operation, x: Tensor, weights: Values, zero_point: int = 0) -> None:
    """Raises UserError unless sums of products fit 32 bits for any input.

    weights: One row for each output.
    """
    largest = max(x.zero_point + 128, 127 - x.zero_point)
    sums = np.abs(weights.astype(np.int64) - zero_point).sum(axis=1) * largest
    if (sums > 2**31 - 1).any():
        raise UserError(f"{where(op)}: sums can exceed 32 bits: use the tflm engine")


def bias_values(op: Operation, bias: Tensor | None, channels: int) -> Array | None:
    """The biases, one a channel; None if they are left out."""
    if bias is None:
        return None
    values = constant(op, bias, "int32", "bias")
    same(op, values.size, channels, "bias length")
    return Array("int32_t", values.ravel())


def broadcast(op: Operation, a: Tensor, b: Tensor, out: Tensor) -> Settings:
    """The nn_broadcast_t of two operands: NumPy's rules, up to four dimensions."""
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise UserError(f"{where(op)}: shapes {a.shape} and {b.shape} do not match") from None
    same(op, out.shape, shape, "output shape")
    rank = len(shape)
    if rank > 4:
        raise UserError(f"{where(op)}: more than four dimensions: use the tflm engine")
    small(op, *shape)

    def strides(t: Tensor) -> list[int]:
        dims = (1,) * (4 - len(t.shape)) + t.shape
        full = (1,) * (4 - rank) + shape
        steps, step = [], 1
        for size, whole in zip(reversed(dims), reversed(full), strict=True):
            steps.append(step if size == whole and size > 1 else 0)
            step *= size
        return steps[::-1]

    dims = list((1,) * (4 - rank) + tuple(shape))
    return {"dims": dims, "stride_a": strides(a), "stride_b": strides(b)}


def overwritable(graph: Graph, op: Operation) -> tuple[int, ...]:
    """Inputs of the output's shape. An element-wise operation may overwrite them."""
    out = graph.tensors[op.outputs[0]]
    return tuple(i for i in op.inputs if i >= 0 and graph.tensors[i].shape == out.shape)
