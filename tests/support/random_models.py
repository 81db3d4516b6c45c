"""Random small int8 networks: single operations, and several in a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from support.tflite_builder import ModelBuilder

Rng = np.random.Generator
SAME, VALID = 0, 1
NONE, RELU, RELU6 = 0, 1, 3


class Net:
    """A network under construction. `x` is the newest tensor, with its shape and quantisation."""

    def __init__(self, rng: Rng, shape: tuple[int, ...]) -> None:
        self.rng, self.b = rng, ModelBuilder()
        self.inputs: list[int] = []
        self.operations: list[str] = []
        self.x = self.start(shape)

    def scale(self) -> float:
        return float(np.float32(math.exp(self.rng.uniform(math.log(0.002), math.log(0.3)))))

    def zero(self) -> int:
        """A zero point, often at an end of the range, as after RELU."""
        return int(self.rng.choice([-128, 127, 0, int(self.rng.integers(-128, 128))]))

    def start(self, shape: tuple[int, ...]) -> int:
        self.shape, self.s, self.z = shape, self.scale(), self.zero()
        index = self.b.tensor(shape, self.s, self.z)
        self.inputs.append(index)
        return index

    def grow(self, name: str, inputs, shape, s=None, z=None, **options) -> None:
        s = self.scale() if s is None else s
        z = self.zero() if z is None else z
        out = self.b.tensor(shape, s, z)
        self.b.op(name, inputs, [out], **options)
        self.x, self.shape, self.s, self.z = out, tuple(shape), s, z
        self.operations.append(name)

    def weights(self, shape, channels: int, axis: int, taps: int, per_channel: bool):
        """int8 weights and int32 bias with matching scales, and the output's scale."""
        rng = self.rng
        w = rng.integers(-127, 128, shape)
        if rng.random() < 0.1:
            w[...] = rng.choice([-127, 127])  # the largest possible sums
        w_scale = np.float32(rng.uniform(0.001, 0.02, channels if per_channel else 1))
        weight = self.b.tensor(shape, w_scale, 0, data=w, axis=axis)
        spread = 74 * 74 * math.sqrt(taps)
        inputs = [self.x, weight]  # the bias is sometimes omitted
        if rng.random() < 0.85:
            bias = rng.normal(0, spread, channels).astype(np.int32)
            scale = np.float32(self.s) * w_scale
            inputs.append(self.b.tensor([channels], scale, 0, "int32", bias))
        out = float(np.float32(self.s * float(w_scale.mean()) * spread / rng.uniform(20, 120)))
        return inputs, out

    def build(self) -> bytes:
        if set(self.operations) == {"RESHAPE"}:
            relu6(self)  # reshapes alone would leave nothing to compute
        return self.b.build(self.inputs, [self.x])


def extent(size: int, taps: int, stride: int, dilation: int, padding: int) -> int:
    if padding == SAME:
        return -(-size // stride)
    return (size - (taps - 1) * dilation - 1) // stride + 1


def window(rng: Rng, shape, dilate: bool):
    """Kernel, strides, dilations and padding that leave at least one output element."""
    while True:
        kh, kw = rng.integers(1, 6, 2)
        sh, sw = rng.integers(1, 4, 2)
        dh, dw = rng.integers(1, 4, 2) if dilate and rng.random() < 0.35 else (1, 1)
        padding = int(rng.integers(0, 2))
        oh = extent(shape[1], kh, sh, dh, padding)
        ow = extent(shape[2], kw, sw, dw, padding)
        if oh > 0 and ow > 0:
            return [int(v) for v in (kh, kw, sh, sw, dh, dw, padding, oh, ow)]


def activation(rng: Rng) -> int:
    return int(rng.choice([NONE, RELU, RELU6]))


def conv_2d(net: Net) -> None:
    rng, (n, _, _, c) = net.rng, net.shape
    kh, kw, sh, sw, dh, dw, padding, oh, ow = window(rng, net.shape, True)
    out = int(rng.integers(1, 9))
    per_channel = rng.random() < 0.8
    inputs, s = net.weights([out, kh, kw, c], out, 0, kh * kw * c, per_channel)
    net.grow(
        "CONV_2D",
        inputs,
        (n, oh, ow, out),
        s,
        padding=padding,
        strideH=sh,
        strideW=sw,
        dilationHFactor=dh,
        dilationWFactor=dw,
        fusedActivationFunction=activation(rng),
    )


def depthwise_conv_2d(net: Net) -> None:
    rng, (n, _, _, c) = net.rng, net.shape
    kh, kw, sh, sw, dh, dw, padding, oh, ow = window(rng, net.shape, True)
    multiplier = int(rng.choice([1, 1, 2, 3]))
    out = c * multiplier
    inputs, s = net.weights([1, kh, kw, out], out, 3, kh * kw, rng.random() < 0.8)
    net.grow(
        "DEPTHWISE_CONV_2D",
        inputs,
        (n, oh, ow, out),
        s,
        padding=padding,
        strideH=sh,
        strideW=sw,
        depthMultiplier=multiplier,
        dilationHFactor=dh,
        dilationWFactor=dw,
        fusedActivationFunction=activation(rng),
    )


def fully_connected(net: Net) -> None:
    rng, n = net.rng, net.shape[0]
    inputs = math.prod(net.shape[1:])
    out = int(rng.integers(1, 17))
    per_channel = rng.random() < 0.4
    tensors, s = net.weights([out, inputs], out, 0, inputs, per_channel)
    net.grow("FULLY_CONNECTED", tensors, (n, out), s, fusedActivationFunction=activation(rng))


def pool(name: str) -> Callable[[Net], None]:
    def add(net: Net) -> None:
        rng, (n, _, _, c) = net.rng, net.shape
        kh, kw, sh, sw, _, _, padding, oh, ow = window(rng, net.shape, False)
        net.grow(
            name,
            [net.x],
            (n, oh, ow, c),
            net.s,
            net.z,
            padding=padding,
            strideH=sh,
            strideW=sw,
            filterHeight=kh,
            filterWidth=kw,
            fusedActivationFunction=activation(rng),
        )

    return add


def mean(net: Net) -> None:
    rng = net.rng
    axes = [[1, 2], [2, 1], [1], [2], [-2, -3], [3], [1, 2, 3]][rng.integers(0, 7)]
    keep = bool(rng.random() < 0.5)
    gone = {a % 4 for a in axes}
    if keep:
        shape = [1 if i in gone else d for i, d in enumerate(net.shape)]
    else:
        shape = [d for i, d in enumerate(net.shape) if i not in gone]
    index = net.b.tensor([len(axes)], None, 0, "int32", np.array(axes))
    same = rng.random() < 0.4
    s = net.s if same else float(np.float32(net.s * rng.uniform(0.2, 2)))
    net.grow("MEAN", [net.x, index], shape, s, net.z if same else None, keepDims=keep)


def binary(name: str) -> Callable[[Net], None]:
    def add(net: Net) -> None:
        rng, x, s = net.rng, net.x, net.s
        shape = list(net.shape)
        how = rng.random()
        if how < 0.35:  # broadcast some dimensions
            shape = [1 if rng.random() < 0.5 else d for d in shape]
        elif how < 0.45:
            shape = shape[-int(rng.integers(1, len(shape) + 1)) :]
        scale, zero = net.scale(), net.zero()
        kind = rng.random()
        if kind < 0.4:
            data = rng.integers(-128, 128, shape)
            other = net.b.tensor(shape, scale, zero, data=data)
        elif kind < 0.8 or shape != list(net.shape):
            other = net.b.tensor(shape, scale, zero)
            net.inputs.append(other)
        else:
            other, scale = x, s  # x + x
        real = s * scale * 128 if name == "MUL" else max(s, scale) * 2
        pair = [x, other] if rng.random() < 0.5 else [other, x]
        extreme = name in ("MAXIMUM", "MINIMUM")
        options = {} if extreme else {"fusedActivationFunction": activation(rng)}
        net.grow(name, pair, net.shape, float(np.float32(real * rng.uniform(0.4, 2))), **options)

    return add


def pad(net: Net) -> None:
    rng = net.rng
    amounts = rng.integers(0, 3, (len(net.shape), 2))
    if rng.random() < 0.7:
        amounts[0] = amounts[-1] = 0
    shape = [int(d + b + a) for d, (b, a) in zip(net.shape, amounts, strict=True)]
    inputs = [net.x, net.b.tensor(amounts.shape, None, 0, "int32", amounts)]
    name = "PAD"
    if rng.random() < 0.3:
        name = "PADV2"
        data = rng.integers(-128, 128, [1])
        inputs.append(net.b.tensor([1], net.s, net.z, data=data))
    net.grow(name, inputs, shape, net.s, net.z)


def reshape(net: Net) -> None:
    n = net.shape[0]
    rest = math.prod(net.shape[1:])
    factors = [f for f in range(1, rest + 1) if rest % f == 0]
    first = int(net.rng.choice(factors))
    shape = [n, first, 1, rest // first]
    index = net.b.tensor([4], None, 0, "int32", np.array(shape))
    net.grow("RESHAPE", [net.x, index], shape, net.s, net.z, newShape=shape)


def resize_nearest_neighbor(net: Net) -> None:
    rng, (n, _, _, c) = net.rng, net.shape
    height, width = (int(v) for v in rng.integers(1, 20, 2))
    align = bool(rng.random() < 0.3)
    half = bool(rng.random() < 0.3) and not align
    size = net.b.tensor([2], None, 0, "int32", np.array([height, width]))
    options = {"alignCorners": align, "halfPixelCenters": half}
    shape = (n, height, width, c)
    net.grow("RESIZE_NEAREST_NEIGHBOR", [net.x, size], shape, net.s, net.z, **options)


def softmax(net: Net) -> None:
    beta = float(net.rng.choice([1.0, 1.0, 0.5, 2.0]))
    net.grow("SOFTMAX", [net.x], net.shape, 1 / 256, -128, beta=beta)


def logistic(net: Net) -> None:
    net.grow("LOGISTIC", [net.x], net.shape, 1 / 256, -128)


def relu(net: Net) -> None:
    same = net.rng.random() < 0.4
    if same:
        net.grow("RELU", [net.x], net.shape, net.s, net.z)
    else:
        net.grow("RELU", [net.x], net.shape, float(np.float32(net.s * net.rng.uniform(0.2, 2))))


def relu6(net: Net) -> None:
    net.grow("RELU6", [net.x], net.shape, net.s, net.z)


def quantize(net: Net) -> None:
    net.grow("QUANTIZE", [net.x], net.shape, float(np.float32(net.s * net.rng.uniform(0.2, 4))))


SPATIAL: list[Callable[[Net], None]] = [
    conv_2d,
    depthwise_conv_2d,
    pool("MAX_POOL_2D"),
    pool("AVERAGE_POOL_2D"),
    resize_nearest_neighbor,
    pad,
    binary("ADD"),
    binary("MUL"),
    binary("SUB"),
    relu,
    relu6,
    quantize,
    reshape,
    logistic,
]
LAST: list[Callable[[Net], None]] = [fully_connected, mean, softmax, logistic]
EACH = list(dict.fromkeys(SPATIAL + LAST))


def single(rng: Rng, number: int) -> Net:
    """A network of one operation; `number` selects it in turn."""
    net = Net(rng, (int(rng.choice([1, 1, 1, 2])), *map(int, rng.integers(1, 12, 3))))
    EACH[number % len(EACH)](net)
    return net


def chain(rng: Rng) -> Net:
    """A network of several operations, sometimes with a residual branch."""
    return _several(Net(rng, (1, *map(int, rng.integers(4, 14, 2)), int(rng.integers(1, 5)))))


def tall(rng: Rng) -> Net:
    """A network over a window of frames, of operations that mostly keep the rows apart."""
    size = (1, int(rng.integers(12, 60)), int(rng.integers(1, 7)), int(rng.integers(1, 4)))
    return _several(Net(rng, size), [*SPATIAL, *SPATIAL[:4] * 2])


def separable(rng: Rng) -> Net:
    """A depthwise-separable network over a window of frames, some blocks with a residual."""
    high, wide = int(rng.integers(12, 40)), int(rng.integers(1, 6))
    net = Net(rng, (1, high, wide, 1))
    channels, taps = int(rng.choice([4, 8, 12, 16])), int(rng.integers(3, 9))

    def grow(name: str, shape: list[int], out: int, stride: int, taps: int, axis: int) -> None:
        inputs, s = net.weights(shape, out, axis, taps, True)
        after = (1, *(-(-size // stride) for size in net.shape[1:3]), out)
        options = {"depthMultiplier": 1} if name == "DEPTHWISE_CONV_2D" else {}
        net.grow(name, inputs, after, s, padding=SAME, strideH=stride, strideW=stride, **options)

    grow("CONV_2D", [channels, taps, 3, 1], channels, int(rng.integers(1, 3)), 3 * taps, 0)
    for _ in range(int(rng.integers(1, 4))):
        depthwise = [1, 3, 3, channels]
        grow("DEPTHWISE_CONV_2D", depthwise, channels, int(rng.choice([1, 1, 1, 2])), 9, 3)
        before = (net.x, net.s)
        out = int(rng.choice([channels, channels, 4, 8]))
        grow("CONV_2D", [out, 1, 1, channels], out, 1, channels, 0)
        if out == channels and rng.random() < 0.5:
            s = float(np.float32(max(before[1], net.s) * 2))
            net.grow("ADD", [before[0], net.x], net.shape, s)
        channels = out
    fully_connected(net)
    return net


def _several(net: Net, operations: Sequence[Callable[[Net], None]] = SPATIAL) -> Net:
    rng = net.rng
    for _ in range(int(rng.integers(2, 6))):
        if math.prod(net.shape) > 4000:
            break
        before = (net.x, net.shape, net.s, net.z)
        operations[rng.integers(0, len(operations))](net)
        if net.shape == before[1] and rng.random() < 0.5:
            pair = [before[0], net.x]
            s = float(np.float32(max(before[2], net.s) * 2))
            net.grow("ADD", pair, net.shape, s)
    for _ in range(int(rng.integers(0, 3))):
        if len(net.shape) == 4:
            LAST[rng.integers(0, len(LAST))](net)
    return net
