"""PAD is not written out before a reader that can skip it, and pools write over their input."""

import numpy as np
import pytest

from otolith.compile import compile_graph, schedule_model
from otolith.compile.cores import CORES
from support.compiled_compare import compare
from support.core_models import convolution, depthwise, image
from support.padded_models import miniresnet, padded, pooled, relu
from support.random_models import SAME, VALID, Net
from support.soak import depth


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


def branches(rng, name: str) -> Net:
    """The sum of two convolutions of one input, or two pools of it in a row, then RELU."""
    net = Net(rng, (1, *rng.integers(4, 9, 2), rng.choice([1, 4, 8])))
    relu(net)
    x, shape, s, z = net.x, net.shape, net.s, net.z
    made = []
    for pool in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        net.x, net.shape, net.s, net.z = x, shape, s, z
        if name == "ADD":
            convolution(net, (3, 3), shape[3], (1, 1), SAME)
        else:
            pooled(net, pool, 3, 1, SAME)
        made.append(net.x)
    if name == "ADD":
        net.grow(name, made, shape, net.s)
    else:
        joined = (shape[0], 2 * shape[1], *shape[2:])
        net.grow(name, made, joined, net.s, net.z, axis=1)
    relu(net)
    return net


@pytest.mark.parametrize("core", list(CORES))
def test_sums_and_joins_take_no_memory_of_their_own(core, tmp_path):
    rng = np.random.default_rng(7)
    names = ("ADD", "CONCATENATION") * depth(2, 30)
    nets = [branches(rng, name) for name in names]
    if core == "m0plus":  # tests of every operation compare the other cores
        compare(tmp_path, nets, core=core)
    for name, net in zip(names, nets, strict=True):
        steps = schedule_model(net.build(), "m", core)
        blocks = [block.size for block in steps.full.plan.blocks if len(block.tensors) > 1]
        calls = [step.operation for step in steps.calls]
        if name == "ADD":  # relu, two convolutions, and the sum in one of these
            assert calls == ["RELU", "CONV_2D", "CONV_2D", "ADD", "RELU"]
            assert len(blocks) == 1
        else:
            assert "CONCATENATION" not in calls


@pytest.mark.parametrize("core", list(CORES))
def test_st_miniresnet_needs_no_more_ram_than_st_says(core):
    schedule = compile_graph(miniresnet().build(), "m", core).schedule
    assert [step.operation for step in schedule.calls][:2] == ["CONV_2D", "RELU"]
    assert schedule.arena <= 60_000
