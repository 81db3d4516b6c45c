"""Random networks with a memory: variables in many patterns, SVDF, LSTM."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from support.core_models import depthwise
from support.moving_models import MOVING, _int32
from support.random_models import VALID, Net, Rng, conv_2d, relu


def _cut(net: Net, x: int, shape, first: int, last: int) -> int:
    """Rows `first` to `last` - 1 of a tensor."""
    rank = len(shape)
    begin, end = [0] * rank, list(shape)
    begin[1], end[1] = first, last
    out = net.b.tensor([shape[0], last - first, *shape[2:]], net.s, net.z)
    inputs = [x, *(_int32(net, v) for v in (begin, end, [1] * rank))]
    net.b.op("STRIDED_SLICE", inputs, [out])
    return out


def _variable(net: Net, shape) -> int:
    """A variable for rows like the newest tensor's, with the zero point or with other values."""
    rng = net.rng
    data = rng.integers(-128, 128, shape) if rng.random() < 0.5 else np.full(shape, net.z)
    initial = net.b.tensor(shape, net.s, net.z, data=data)
    name = f"memory {len(net.operations)}"
    net.operations.append("VARIABLE")
    return net.b.variable(name, initial)


def window(net: Net) -> None:
    """Keeps the newest rows before those of this step, as microWakeWord's networks do."""
    rng, (batches, step, *rest) = net.rng, net.shape
    if batches != 1:
        return relu(net)
    rows = int(rng.choice([step, 2 * step, 4 * step, 9 * step, *rng.integers(1, 9, 2)]))
    older = bool(rng.random() < 0.4) and rows > step
    shape = (1, rows, *rest)
    handle = _variable(net, shape)
    kept = net.b.tensor(shape, net.s, net.z)
    net.b.op("READ_VARIABLE", [handle], [kept])
    if older:  # the variable has all rows, and the oldest are cut off before the new ones come
        kept = _cut(net, kept, shape, step, rows)
    after = (1, rows + (0 if older else step), *rest)
    net.grow("CONCATENATION", [kept, net.x], after, net.s, net.z, axis=1)
    new = net.x if older else _cut(net, net.x, after, after[1] - rows, after[1])
    return net.b.op("ASSIGN_VARIABLE", [handle, new], [])


def exchange(net: Net) -> None:
    """Reads what the step before wrote, and writes something else."""
    rng = net.rng
    handle, kept = _variable(net, net.shape), net.b.tensor(net.shape, net.s, net.z)
    x, s, z = net.x, net.s, net.z
    late = rng.random() < 0.5
    net.b.op("READ_VARIABLE", [handle], [kept])
    if not late:
        net.b.op("ASSIGN_VARIABLE", [handle, x], [])
    scale = float(np.float32(2 * s))
    net.grow("ADD", [kept, x], net.shape, scale, z)
    if late:
        net.b.op("ASSIGN_VARIABLE", [handle, net.x if rng.random() < 0.5 else x], [])
    if rng.random() < 0.3:
        again = net.b.tensor(net.shape, s, z)
        net.b.op("READ_VARIABLE", [handle], [again])
        net.grow("ADD", [again, net.x], net.shape, float(np.float32(3 * s)), z)


def column(net: Net) -> None:
    """A depthwise convolution over all rows."""
    if net.shape[1] < 2:
        return relu(net)
    return depthwise(net, (net.shape[1], 1), padding=VALID)


def mixed(net: Net) -> None:
    """Depthwise convolutions of several lengths, each on its own channels."""
    rng, (_, rows, width, channels) = net.rng, net.shape
    if channels % 2 or width != 1:
        return relu(net)
    x, shape, s, z = net.x, net.shape, net.s, net.z
    half = (1, rows, 1, channels // 2)
    parts = [net.b.tensor(half, s, z) for _ in range(2)]
    options = {"numSplits": 2}
    net.b.op("SPLIT_V", [x, _int32(net, half[3:] * 2), _int32(net, -1)], parts, **options)
    outputs = []
    scale, zero = net.scale(), net.zero()
    for part in parts:
        taps = int(rng.integers(1, rows + 1))
        net.x, net.shape, net.s, net.z = part, half, s, z
        if taps < rows:
            net.x, net.shape = _cut(net, part, half, rows - taps, rows), (1, taps, *half[2:])
        inputs, _ = net.weights([1, taps, 1, half[3]], half[3], 3, taps, True)
        options = {"padding": VALID, "strideH": 1, "strideW": 1, "depthMultiplier": 1}
        net.grow("DEPTHWISE_CONV_2D", inputs, (1, 1, 1, half[3]), scale, zero, **options)
        outputs.append(net.x)
    net.shape = shape
    return net.grow("CONCATENATION", outputs, (1, 1, 1, channels), scale, zero, axis=3)


def svdf(net: Net) -> None:
    rng, batches = net.rng, net.shape[0]
    inputs, rank = math.prod(net.shape[1:]), int(rng.choice([1, 1, 2, 3]))
    units, memory = int(rng.integers(1, 7)), int(rng.integers(1, 12))
    filters = rank * units
    if net.shape != (batches, inputs):
        shape = (batches, inputs)
        net.grow("RESHAPE", [net.x, _int32(net, shape)], shape, net.s, net.z, newShape=shape)
    dtype = str(rng.choice(["int8", "int16"]))
    most = 127 if dtype == "int8" else 32767
    w, t = (float(np.float32(v)) for v in (rng.uniform(0.002, 0.02), rng.uniform(0.3, 2) / most))
    feature = rng.integers(-127, 128, (filters, inputs))
    time = rng.integers(-most, most + 1, (filters, memory))
    spread = net.s * w * 74 * 74 * math.sqrt(inputs)
    state = float(np.float32(spread / rng.uniform(20, 90) * 127 / most))
    zero = 0 if dtype == "int16" else net.zero()
    out = float(np.float32(spread * math.sqrt(memory * rank) / rng.uniform(20, 90)))
    bias = rng.normal(0, 0.3 * spread / (state * t), units).astype(np.int32)
    tensors = [
        net.x,
        net.b.tensor(feature.shape, w, 0, data=feature),
        net.b.tensor(time.shape, t, 0, dtype, time),
        net.b.tensor([units], np.float32(state) * np.float32(t), 0, "int32", bias),
        net.b.tensor([batches, filters * memory], state, zero, dtype, variable=True),
    ]
    net.grow("SVDF", tensors, (batches, units), out, rank=rank, fusedActivationFunction=1)


def lstm(net: Net) -> None:
    rng = net.rng
    size = math.prod(net.shape)
    inputs = int(rng.choice([n for n in range(1, size + 1) if size % n == 0 and n < 60]))
    by_time, cells = bool(rng.random() < 0.3), int(rng.integers(1, 9))
    batches = int(rng.choice([n for n in (1, 1, 2) if (size // inputs) % n == 0]))
    steps = size // inputs // batches
    shape = (steps, batches, inputs) if by_time else (batches, steps, inputs)
    net.grow("RESHAPE", [net.x, _int32(net, shape)], shape, net.s, net.z, newShape=shape)
    x, s = net.x, net.s
    hidden = float(np.float32(rng.uniform(0.004, 0.01)))
    zero = int(rng.choice([0, 0, rng.integers(-60, 61)]))
    cell = 2.0 ** -int(rng.integers(9, 14))
    tensors = [x]
    for width, scale in ((inputs, s), (cells, hidden)):
        for _ in range(4):
            real = float(np.float32(rng.uniform(0.5, 3) / (scale * 74 * 74 * math.sqrt(width))))
            data = rng.integers(-127, 128, (cells, width))
            tensors.append(net.b.tensor(data.shape, real, 0, data=data))
    tensors += [-1] * 3
    for gate in range(4):
        bias = rng.normal(0, 4000, cells).astype(np.int32)
        tensors.append(net.b.tensor([cells], s * 0.01 + gate * 0, 0, "int32", bias))
    tensors += [-1] * 2
    tensors.append(net.b.tensor([batches, cells], hidden, zero, variable=True))
    tensors.append(net.b.tensor([batches, cells], cell, 0, "int16", variable=True))
    tensors += [-1] * 4
    after = (*shape[:2], cells)
    net.grow(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        tensors,
        after,
        hidden,
        zero,
        fusedActivationFunction=4,
        cellClip=float(rng.choice([0.0, 10.0, 0.5])),
        timeMajor=by_time,
    )


VARIABLES: list[Callable[[Net], None]] = [window, exchange]


def remembering(rng: Rng, number: int) -> Net:
    """A network with one to three memories."""
    kind = number % 6
    if kind >= 4:
        net = Net(rng, (int(rng.choice([1, 1, 2])), *map(int, rng.integers(1, 6, 2))))
        (svdf if kind == 4 else lstm)(net)
        if rng.random() < 0.3 and kind == 4:
            svdf(net)
        return net
    width = int(rng.choice([1, 1, 2]))
    net = Net(rng, (1, int(rng.integers(1, 4)), width, int(rng.choice([2, 4, 6, 16, 48]))))
    for _ in range(int(rng.integers(1, 4))):
        VARIABLES[0 if rng.random() < 0.7 else 1](net)
        kind = rng.random()
        if kind < 0.3:
            mixed(net)
        elif kind < 0.6:
            column(net)
        elif kind < 0.8:
            conv_2d(net)
        else:
            MOVING[rng.integers(0, len(MOVING))](net)
        if math.prod(net.shape) > 1500:
            break
    relu(net)
    return net
