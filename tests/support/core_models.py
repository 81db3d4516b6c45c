"""Random layers in the shapes that core-specific kernels are optimised for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from support.random_models import (
    NONE,
    RELU,
    SAME,
    VALID,
    Net,
    Rng,
    activation,
    binary,
    extent,
    mean,
    pool,
)


def convolution(
    net: Net, taps: tuple[int, int], channels: int, strides=(1, 1), padding=SAME, dilations=(1, 1)
) -> None:
    n, height, width, depth = net.shape
    (kh, kw), (sh, sw), (dh, dw) = taps, strides, dilations
    inputs, s = net.weights([channels, kh, kw, depth], channels, 0, kh * kw * depth, True)
    shape = (n, extent(height, kh, sh, dh, padding), extent(width, kw, sw, dw, padding), channels)
    net.grow(
        "CONV_2D",
        inputs,
        shape,
        s,
        padding=padding,
        strideH=sh,
        strideW=sw,
        dilationHFactor=dh,
        dilationWFactor=dw,
        fusedActivationFunction=activation(net.rng),
    )


def depthwise(
    net: Net, taps: tuple[int, int], multiplier=1, strides=(1, 1), padding=SAME, dilations=(1, 1)
) -> None:
    n, height, width, depth = net.shape
    (kh, kw), (sh, sw), (dh, dw) = taps, strides, dilations
    out = depth * multiplier
    inputs, s = net.weights([1, kh, kw, out], out, 3, kh * kw, True)
    shape = (n, extent(height, kh, sh, dh, padding), extent(width, kw, sw, dw, padding), out)
    net.grow(
        "DEPTHWISE_CONV_2D",
        inputs,
        shape,
        s,
        padding=padding,
        strideH=sh,
        strideW=sw,
        depthMultiplier=multiplier,
        dilationHFactor=dh,
        dilationWFactor=dw,
        fusedActivationFunction=activation(net.rng),
    )


def between(rng: Rng, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def image(rng: Rng, depth: int, least: int = 1) -> Net:
    batches = 2 if rng.random() < 0.2 else 1
    return Net(rng, (batches, between(rng, least, 13), between(rng, least, 13), depth))


def pointwise(rng: Rng) -> Net:
    """1x1 convolutions with as many output channels, fewer or more.

    The second reads from the arena.
    """
    net = image(rng, between(rng, 1, 33))
    for _ in range(between(rng, 1, 2)):
        convolution(net, (1, 1), between(rng, 1, 20))
    return net


def depthwise_3x3(rng: Rng) -> Net:
    net = image(rng, between(rng, 2, 9))
    for _ in range(between(rng, 1, 2)):
        depthwise(net, (3, 3))
    return net


def depthwise_any(rng: Rng) -> Net:
    """Depthwise with long or wide kernels, strides, and several outputs per channel."""
    net = image(rng, between(rng, 2, 5), 5)
    taps = [(between(rng, 1, 5), between(rng, 1, 5)), (5, 1), (1, 5), (3, 3), (2, 3)]
    depthwise(
        net,
        taps[between(rng, 0, 4)],
        int(rng.choice([1, 1, 2, 4])),
        (between(rng, 1, 2), between(rng, 1, 3)),
        int(rng.choice([SAME, VALID])),
    )
    return net


def one_channel(rng: Rng) -> Net:
    """A typical first layer on a spectrogram: a large kernel on one channel."""
    net = image(rng, 1, 9)
    convolution(
        net,
        (between(rng, 3, 9), between(rng, 3, 9)),
        between(rng, 1, 9),
        (between(rng, 1, 3), between(rng, 1, 3)),
        int(rng.choice([SAME, VALID])),
    )
    return net


def dilated(rng: Rng) -> Net:
    net = image(rng, between(rng, 1, 6), 7)
    dilations = (between(rng, 1, 3), between(rng, 1, 3))
    if rng.random() < 0.5:
        convolution(net, (3, 2), between(rng, 1, 5), dilations=dilations)
    else:
        depthwise(net, (3, 2), dilations=dilations)
    return net


def deep(rng: Rng) -> Net:
    """3x3 over several channels, after a layer whose output is in the arena."""
    net = image(rng, between(rng, 1, 12))
    convolution(net, (3, 3), between(rng, 1, 12), (between(rng, 1, 2), 1))
    convolution(net, (3, 3), between(rng, 1, 12))
    return net


def separable(rng: Rng) -> Net:
    """A complete small keyword network."""
    net = image(rng, 1, 8)
    convolution(net, (between(rng, 2, 8), between(rng, 2, 8)), 2 * between(rng, 1, 6), (2, 2))
    for _ in range(between(rng, 1, 3)):
        depthwise(net, (3, 3))
        convolution(net, (1, 1), between(rng, 2, 12))
    ending = [pool("AVERAGE_POOL_2D"), pool("MAX_POOL_2D"), mean][between(rng, 0, 2)]
    ending(net)
    if len(net.shape) > 1:
        dense(net)
    return net


def dense(net: Net, outputs: int = 0) -> None:
    inputs = int(np.prod(net.shape[1:]))
    out = outputs or between(net.rng, 1, 9)
    tensors, s = net.weights([out, inputs], out, 0, inputs, net.rng.random() < 0.3)
    act = int(net.rng.choice([NONE, RELU]))
    net.grow("FULLY_CONNECTED", tensors, (net.shape[0], out), s, fusedActivationFunction=act)


def fully_connected(rng: Rng) -> Net:
    net = Net(rng, (between(rng, 1, 3), between(rng, 1, 300)))
    for _ in range(between(rng, 1, 2)):
        dense(net)
    return net


def pooled(rng: Rng) -> Net:
    net = image(rng, int(rng.choice([1, 3, 4, 8])), 3)
    pool(str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"])))(net)
    return net


def summed(rng: Rng) -> Net:
    """ADD or SUB, often of equal shapes, sometimes followed by a mean."""
    net = image(rng, 4 * between(rng, 1, 3))
    binary(str(rng.choice(["ADD", "SUB"])))(net)
    if rng.random() < 0.5:
        mean(net)
    return net


def pairs(seed: int, count: int) -> list[Net]:
    """ADD, SUB and MUL of operands of many shapes and scales; the last ones are chosen."""
    nets = []
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        net = image(rng, int(rng.choice([1, 3, 4, 8])), 5)
        if i < count - 3:
            binary(("ADD", "SUB", "MUL")[i % 3])(net)
            nets.append(net)
            continue
        other = net.b.tensor(list(net.shape), net.s, net.z)
        net.inputs.append(other)
        if i < count - 1:  # every second sum lies exactly between two outputs
            net.grow("ADD", [net.x, other], net.shape, float(np.float32(2 * net.s)))
        else:  # products far outside the range
            net.grow("MUL", [net.x, other], net.shape, float(np.float32(net.s * net.s * 60)))
        nets.append(net)
    return nets


LAYERS: list[Callable[[Rng], Net]] = [
    pointwise,
    depthwise_3x3,
    depthwise_any,
    one_channel,
    dilated,
    deep,
    separable,
    fully_connected,
    pooled,
    summed,
]


def layer(seed: int, number: int) -> Net:
    """Layer number `number`; the kinds take turns."""
    return LAYERS[number % len(LAYERS)](np.random.default_rng([seed, number]))
