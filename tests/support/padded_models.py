"""Networks with borders, and ST's MiniResNet."""

import numpy as np

from support.core_models import convolution, dense
from support.random_models import SAME, VALID, Net


def padded(net: Net, before: tuple[int, int], after: tuple[int, int]) -> None:
    amounts = np.array([[0, 0], *zip(before, after, strict=True), [0, 0]])
    shape = [d + b + a for d, (b, a) in zip(net.shape, amounts.tolist(), strict=True)]
    inputs = [net.x, net.b.tensor(amounts.shape, None, 0, "int32", amounts)]
    net.grow("PAD", inputs, shape, net.s, net.z)


def pooled(net: Net, name: str, taps: int, stride: int, padding: int = VALID) -> None:
    n, h, w, c = net.shape
    size = [-(-x // stride) if padding == SAME else (x - taps) // stride + 1 for x in (h, w)]
    options = {"filterHeight": taps, "filterWidth": taps, "strideH": stride, "strideW": stride}
    net.grow(name, [net.x], (n, *size, c), net.s, net.z, padding=padding, **options)


def relu(net: Net) -> None:
    """Leaves no value below the zero point, which is what PAD writes."""
    net.grow("RELU", [net.x], net.shape, net.s, net.z)


def miniresnet(classes: int = 10) -> Net:
    """ST's MiniResNet with one stack for 64 x 50 log-mel values (STM32 model zoo, ESC-10)."""
    net = Net(np.random.default_rng(2), (1, 64, 50, 1))

    def conv(taps, strides=1, padding=SAME, active=True):
        convolution(net, (taps, taps), 64, (strides, strides), padding)
        if active:
            relu(net)

    padded(net, (3, 3), (3, 3))
    conv(7, 2, VALID)
    padded(net, (1, 1), (1, 1))
    pooled(net, "MAX_POOL_2D", 3, 2)
    for strides in (2, 1):
        x, shape, s, z = net.x, net.shape, net.s, net.z
        if strides == 2:
            conv(1, strides, active=False)
        shortcut, (net.x, net.shape, net.s, net.z) = net.x, (x, shape, s, z)
        conv(1, strides)
        conv(3)
        net.grow("ADD", [shortcut, net.x], net.shape, net.s)
        relu(net)
    _, h, w, _ = net.shape
    pooled(net, "AVERAGE_POOL_2D", min(h, w), 1)
    dense(net, classes)
    net.grow("SOFTMAX", [net.x], net.shape, 1 / 256, -128, beta=1.0)
    return net
