"""Random networks of operations that move values, and of functions of one or two values."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from support.random_models import SPATIAL, Net, Rng, binary


def _int32(net: Net, values) -> int:
    data = np.array(values, np.int32)
    return net.b.tensor(data.shape, None, 0, "int32", data)


def concatenation(net: Net) -> None:
    """The newest tensor with an input, a constant or itself, along any axis."""
    rng, axis = net.rng, int(net.rng.integers(0, len(net.shape)))
    parts, total = [net.x], net.shape[axis]
    for _ in range(int(rng.integers(1, 4))):
        kind = rng.random()
        if kind < 0.3:
            parts.append(net.x)
            total += net.shape[axis]
            continue
        size = int(rng.integers(1, 5))
        shape = [*net.shape[:axis], size, *net.shape[axis + 1 :]]
        data = rng.integers(-128, 128, shape) if kind < 0.6 else None
        parts.append(net.b.tensor(shape, net.s, net.z, data=data))
        if data is None:
            net.inputs.append(parts[-1])
        total += size
    rng.shuffle(parts)
    shape = (*net.shape[:axis], total, *net.shape[axis + 1 :])
    given = axis - len(shape) if rng.random() < 0.5 else axis
    net.grow("CONCATENATION", parts, shape, net.s, net.z, axis=given)


def strided_slice(net: Net) -> None:
    rng = net.rng
    begin, end, stride, shape, masks = [], [], [], [], [0, 0, 0]
    for axis, size in enumerate(net.shape):
        while True:
            low, high = (int(v) for v in rng.integers(-size - 2, size + 3, 2))
            step = int(rng.choice([1, 1, 1, 2, 3, -1, -2]))
            open_low, open_high = rng.random(2) < 0.3
            cut = slice(None if open_low else low, None if open_high else high, step)
            left = len(range(*cut.indices(size)))
            shrink = rng.random() < 0.15 and -size <= low < size and len(net.shape) > 2
            if left or shrink:
                break
        begin.append(low)
        end.append(low + 1 if shrink else high)
        stride.append(1 if shrink else step)
        for mask, is_set in enumerate((open_low and not shrink, open_high and not shrink, shrink)):
            masks[mask] |= int(is_set) << axis
        if not shrink:
            shape.append(left)
    inputs = [net.x, *(_int32(net, v) for v in (begin, end, stride))]
    options = dict(zip(("beginMask", "endMask", "shrinkAxisMask"), masks, strict=True))
    net.grow("STRIDED_SLICE", inputs, shape, net.s, net.z, **options)
    _four(net)


def _four(net: Net) -> None:
    """Back to four dimensions, as other operations need."""
    if len(net.shape) != 4:
        shape = [*net.shape[:1], *[1] * (4 - len(net.shape)), *net.shape[1:]][:4]
        if math.prod(shape) != math.prod(net.shape):
            shape = [1, 1, 1, math.prod(net.shape)]
        inputs = [net.x, _int32(net, shape)]
        net.grow("RESHAPE", inputs, shape, net.s, net.z, newShape=shape)


def split(net: Net) -> None:
    """SPLIT or SPLIT_V, and the parts joined again in another order."""
    rng = net.rng
    axis = int(rng.integers(0, len(net.shape)))
    size = net.shape[axis]
    given = _int32(net, [axis - 4 if rng.random() < 0.5 else axis])
    equal = rng.random() < 0.5
    if equal:
        count = int(rng.choice([n for n in range(1, size + 1) if size % n == 0]))
        sizes = [size // count] * count
    else:
        marks = sorted({0, size, *map(int, rng.integers(0, size + 1, 3))})
        sizes = list(np.diff(marks))
    outputs = [
        net.b.tensor([*net.shape[:axis], part, *net.shape[axis + 1 :]], net.s, net.z)
        for part in sizes
    ]
    if equal:
        net.b.op("SPLIT", [given, net.x], outputs, numSplits=len(sizes))
    else:
        told = list(sizes)
        if rng.random() < 0.3:
            told[int(rng.integers(0, len(told)))] = -1
        net.b.op("SPLIT_V", [net.x, _int32(net, told), given], outputs, numSplits=len(sizes))
    net.operations.append("SPLIT" if equal else "SPLIT_V")
    rng.shuffle(outputs)
    net.grow("CONCATENATION", outputs, net.shape, net.s, net.z, axis=axis)


def pack(net: Net) -> None:
    """UNPACK along an axis, PACK along another."""
    rng = net.rng
    axis = int(rng.integers(0, 4))
    shape = [*net.shape[:axis], *net.shape[axis + 1 :]]
    outputs = [net.b.tensor(shape, net.s, net.z) for _ in range(net.shape[axis])]
    net.b.op("UNPACK", [net.x], outputs, num=len(outputs), axis=axis)
    net.operations.append("UNPACK")
    rng.shuffle(outputs)
    to = int(rng.integers(0, 4))
    after = [*shape[:to], len(outputs), *shape[to:]]
    net.grow("PACK", outputs, after, net.s, net.z, valuesCount=len(outputs), axis=to)


def transpose(net: Net) -> None:
    order = net.rng.permutation(4)
    shape = [net.shape[a] for a in order]
    net.grow("TRANSPOSE", [net.x, _int32(net, order)], shape, net.s, net.z)


def unary(name: str) -> Callable[[Net], None]:
    def add(net: Net) -> None:
        rng = net.rng
        if name == "TANH":
            net.grow(name, [net.x], net.shape, 1 / 128, 0)
        elif name == "LEAKY_RELU":
            s = float(np.float32(net.s * rng.uniform(0.2, 3)))
            net.grow(name, [net.x], net.shape, s, alpha=float(rng.choice([0.1, 0.01, 0.3, 1.7])))
        else:
            net.grow(name, [net.x], net.shape, float(np.float32(net.s * rng.uniform(0.6, 3))))

    return add


MOVING: list[Callable[[Net], None]] = [
    concatenation,
    strided_slice,
    split,
    pack,
    transpose,
    unary("TANH"),
    unary("LEAKY_RELU"),
    unary("HARD_SWISH"),
    unary("ABS"),
    binary("MAXIMUM"),
    binary("MINIMUM"),
]


def moving(rng: Rng, number: int) -> Net:
    """A network of one of these operations, or of several with others between."""
    net = Net(rng, (int(rng.choice([1, 1, 1, 2])), *map(int, rng.integers(1, 8, 3))))
    MOVING[number % len(MOVING)](net)
    if rng.random() < 0.6:
        for _ in range(int(rng.integers(1, 5))):
            if math.prod(net.shape) > 2000:
                break
            both = MOVING if rng.random() < 0.6 else SPATIAL
            both[rng.integers(0, len(both))](net)
    return net
