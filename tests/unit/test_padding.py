"""PAD is not written out before a reader that can skip it, and pools write over their input."""

import numpy as np
import pytest

from otolith.compile import compile_graph, schedule_model
from otolith.compile.cores import CORES
from support.compiled_compare import compare
from support.core_models import convolution, depthwise, image
from support.random_models import SAME, VALID, Net
from support.soak import depth


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


def border(rng, most=3):
    return tuple(int(x) for x in rng.integers(0, most, 2))


def bordered(seed: int, number: int) -> Net:
    """PAD and a reader: a convolution, a depthwise one, or a pool."""
    rng = np.random.default_rng([seed, number])
    net = image(rng, int(rng.choice([1, 3, 4, 8])), 3)
    taps, strides = (int(rng.integers(2, 5)),) * 2, (int(rng.integers(1, 3)),) * 2
    if number % 4 == 3:
        relu(net)
    before, after = border(rng), border(rng)
    padded(net, before, after)
    if min(net.shape[1:3]) < taps[0]:
        taps = (1, 1)
    if number % 4 == 0:
        convolution(net, taps, int(rng.integers(1, 9)), strides, VALID)
    elif number % 4 == 1:
        depthwise(net, taps, 1, strides, VALID)
    else:
        name = "AVERAGE_POOL_2D" if number % 8 == 2 else "MAX_POOL_2D"
        pooled(net, name, taps[0], strides[0])
    return net


@pytest.mark.parametrize("core", list(CORES))
def test_results_stay_exact(core, tmp_path):
    nets = [bordered(5, i) for i in range(depth(16, 200))]
    compare(tmp_path, nets, core=core)
    steps = [schedule_model(net.build(), "m", core).calls for net in nets]
    left_out = [all(step.operation != "PAD" for step in each) for each in steps]
    assert sum(left_out) >= len(nets) / 3
    assert not any(left_out[2::8])  # an average counts what PAD writes


@pytest.mark.parametrize("core", list(CORES))
def test_pools_over_their_input_stay_exact(core, tmp_path):
    nets = []
    for i in range(depth(12, 100)):
        rng = np.random.default_rng([6, i])
        net = image(rng, int(rng.choice([1, 4, 8])), 4)
        relu(net)
        taps, stride = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        name = ("MAX_POOL_2D", "AVERAGE_POOL_2D")[i % 2]
        pooled(net, name, taps, stride, (VALID, SAME)[i // 2 % 2])
        relu(net)
        nets.append(net)
    compare(tmp_path, nets, core=core)
    plans = [schedule_model(net.build(), "m", core).full.plan for net in nets]
    assert sum(len(plan.blocks) == 1 for plan in plans) >= len(nets) / 2  # relu, pool, relu


def test_a_border_that_must_be_written_is():
    """A reader that is not alone, other values than the reader skips, more channels."""
    net = Net(np.random.default_rng(1), (1, 6, 6, 4))
    net.s, net.z = 0.1, 5
    padded(net, (1, 1), (1, 1))
    pooled(net, "MAX_POOL_2D", 3, 1)  # values below 5 are larger than the border's -128
    calls = schedule_model(net.build(), "m", "m0plus").calls
    assert [step.operation for step in calls] == ["PAD", "MAX_POOL_2D"]


def miniresnet() -> Net:
    """ST's MiniResNet with one stack for 64 x 50 log-mel values, without its last dense layer."""
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
    return net


@pytest.mark.parametrize("core", list(CORES))
def test_st_miniresnet_needs_no_more_ram_than_st_says(core):
    schedule = compile_graph(miniresnet().build(), "m", core).schedule
    assert [step.operation for step in schedule.calls][:2] == ["CONV_2D", "RELU"]
    assert schedule.arena <= 60_000
