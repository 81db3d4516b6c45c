"""What several operations check and compute alike."""

from __future__ import annotations

import numpy as np

from otolith.compile.arithmetic import activation_range, quantize_multiplier
from otolith.compile.graph import Array, Graph, Operation, Tensor
from otolith.errors import UserError, short

LIMIT = 65535  # sizes are uint16 on the chip


def where(op: Operation) -> str:
    return f"operator {op.position} ({op.name})"


def tensors(graph: Graph, op: Operation, least: int, most: int) -> list[Tensor | None]:
    """Inputs of `op`, None for those left out; checks their number and the one output."""
    if not least <= len(op.inputs) <= most or len(op.outputs) != 1:
        raise UserError(f"{where(op)}: {len(op.inputs)} inputs, {len(op.outputs)} outputs")
    found = [graph.tensors[i] if i >= 0 else None for i in op.inputs]
    if any(t is None for t in found[:least]):
        raise UserError(f"{where(op)}: an input is left out")
    return found + [None] * (most - len(found))


def int8(op: Operation, *checked: Tensor) -> None:
    """Per-tensor int8 activations, or an error that names what they are instead."""
    for tensor in checked:
        if tensor.dtype != "int8":
            raise UserError(
                f"{where(op)}: {tensor.dtype} is not supported, only int8: "
                "quantise the model fully, or use the tflm engine"
            )
        if len(tensor.scales) != 1:
            raise UserError(f"{where(op)}: tensor {tensor.name[:40]} has no single scale")


def same(op: Operation, got: object, wanted: object, what: str) -> None:
    if got != wanted:
        raise UserError(f"{where(op)}: {what} is {short(got)}, not {short(wanted)}")


def constant(op: Operation, tensor: Tensor | None, dtype: str, what: str) -> np.ndarray:
    """The values of a constant input."""
    if tensor is None or tensor.data is None or tensor.dtype != dtype:
        raise UserError(f"{where(op)}: {what} must be a constant of {dtype}")
    return tensor.data


def small(op: Operation, *values: int) -> None:
    if any(not 0 <= v <= LIMIT for v in values):
        raise UserError(f"{where(op)}: a size is above {LIMIT}: use the tflm engine")


def activation(op: Operation, out: Tensor) -> tuple[int, int]:
    return activation_range(op.options.get("activation", 0), out.scale, out.zero_point, where(op))


def padding(op: Operation, size: int, out: int, taps: int, stride: int, dilation: int) -> int:
    """Padding before the first input along an axis; checks the output size that goes with it."""
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


def window(op: Operation, x: Tensor, out: Tensor, kernel_h: int, kernel_w: int) -> dict:
    """nn_window_t of a convolution or pooling."""
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


def requantize(op: Operation, real: list[float], out: Tensor) -> dict:
    """nn_requantize_t for real multipliers (one a channel, or one)."""
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


def convolution_scales(op: Operation, x: Tensor, w: Tensor, out: Tensor, channels: int):
    """input * weight / output scale of every output channel, as TFLM computes it (double)."""
    if len(w.scales) not in (1, channels):
        raise UserError(f"{where(op)}: {len(w.scales)} weight scales for {channels} channels")
    if any(w.zero_points):
        raise UserError(f"{where(op)}: weights with a zero point are not supported")
    scales = w.scales * channels if len(w.scales) == 1 else w.scales
    return [float(x.scale) * float(s) / float(out.scale) for s in scales]


def bounded(op: Operation, x: Tensor, weights: np.ndarray, zero_point: int = 0) -> None:
    """The sum of products of every output (a row of `weights`) fits 32 bits for any input."""
    largest = max(x.zero_point + 128, 127 - x.zero_point)
    sums = np.abs(weights.astype(np.int64) - zero_point).sum(axis=1) * largest
    if (sums > 2**31 - 1).any():
        raise UserError(f"{where(op)}: sums can exceed 32 bits: use the tflm engine")


def bias_values(op: Operation, bias: Tensor | None, channels: int) -> Array | None:
    if bias is None:
        return None
    values = constant(op, bias, "int32", "bias")
    same(op, values.size, channels, "bias length")
    return Array("int32_t", values.ravel())


def broadcast(op: Operation, a: Tensor, b: Tensor, out: Tensor) -> dict:
    """nn_broadcast_t: NumPy's rules over up to four dimensions."""
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
    """Inputs as large as the output: it may be written over them."""
    out = graph.tensors[op.outputs[0]]
    return tuple(i for i in op.inputs if i >= 0 and graph.tensors[i].shape == out.shape)
