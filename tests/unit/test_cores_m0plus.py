"""Kernels for the Cortex-M0+ equal TensorFlow Lite Micro bit for bit.

They run here in plain C with sanitizers, and as Thumb code in QEMU.
"""

from __future__ import annotations

import shutil
from collections import Counter

import numpy as np
import pytest

from otolith.compile import compile_graph
from otolith.compile.cores import OPTIMIZE
from otolith.compile.cores.m0plus import conv_2d, elementwise, pieces, taps
from support.compiled_compare import compare, oracle, some_inputs
from support.core_models import SAME, convolution, dense, depthwise, layer, pairs
from support.qemu_cores import M0PLUS
from support.qemu_networks import run
from support.random_models import Net, chain
from support.skips import third_party_model
from support.soak import depth

BATCH = depth(24, 90)
MODELS = ["fire_alarm", "kws_ref", "micro_speech", "mltk_micro_speech"]


@pytest.mark.deep
@pytest.mark.parametrize("optimize", OPTIMIZE)
def test_random_layers(optimize, tmp_path):
    nets = [layer(10 + OPTIMIZE.index(optimize), i) for i in range(BATCH)]
    compare(tmp_path, nets, core="m0plus", optimize=optimize)


@pytest.mark.deep
def test_several_operations(tmp_path):
    nets = [chain(np.random.default_rng([96, i])) for i in range(BATCH)]
    compare(tmp_path, nets, core="m0plus")


def as_thumb(models: list[bytes], optimize: list[str], folder) -> None:
    assert shutil.which("qemu-system-arm"), "run `host setup`"
    rng = np.random.default_rng(3)
    compiled = [
        compile_graph(model, f"m{i}", "m0plus", how)
        for i, (model, how) in enumerate(zip(models, optimize, strict=True))
    ]
    inputs = [some_inputs(rng, one) for one in compiled]
    got, _ = run(M0PLUS, compiled, inputs, folder)
    for model, one, rounds, result in zip(models, compiled, inputs, got, strict=True):
        for a, b in zip(oracle(model, rounds), result, strict=True):
            assert np.array_equal(a[0], b[0]), one.schedule.calls


@pytest.mark.deep
@pytest.mark.slow
def test_random_layers_as_thumb(tmp_path):
    models = [layer(12, i).build() for i in range(2 * BATCH)]
    models += [chain(np.random.default_rng([95, i])).build() for i in range(BATCH)]
    as_thumb(models, [OPTIMIZE[i % 3 == 2] for i in range(len(models))], tmp_path)


def in_groups(monkeypatch, seed: int) -> list[Net]:
    """Networks whose convolutions use a part of their channels for all pixels before the next."""
    monkeypatch.setattr(conv_2d, "CACHED", 64)
    monkeypatch.setattr(conv_2d, "GROUP", 256)
    return [chain(np.random.default_rng([seed, i])) for i in range(BATCH)]


def test_channels_in_groups(monkeypatch, tmp_path):
    nets = in_groups(monkeypatch, 97)
    compare(tmp_path, nets, core="m0plus")
    calls = [c for n in nets for c in compile_graph(n.build(), "m", "m0plus").schedule.calls]
    settings = [c.settings for c in calls if "group_words" in c.settings]
    assert any(s["group_words"] < s["stream_words"] for s in settings)


@pytest.mark.slow
def test_channels_in_groups_as_thumb(monkeypatch, tmp_path):
    nets = in_groups(monkeypatch, 98)
    as_thumb([net.build() for net in nets], ["speed"] * BATCH, tmp_path)


def dense_nets(seed: int) -> list[Net]:
    """Fully connected layers of many widths; some have no plain line."""
    nets = []
    for i in range(BATCH // 3):
        rng = np.random.default_rng([seed, i])
        net = Net(rng, (1, int(rng.choice([1, 7, 8, 9, 64, 250, 640]))))
        for width in rng.choice([3, 4, 5, 31, 64], 2):
            dense(net, int(width))
        nets.append(net)
    return nets


def fetched(monkeypatch) -> None:
    """Fetch all constants in small pieces."""
    monkeypatch.setattr(pieces, "PIECE", 64)
    monkeypatch.setattr(pieces, "worth", lambda step, graph, size: True)


def test_constants_are_fetched(monkeypatch, tmp_path):
    fetched(monkeypatch)
    nets = [*in_groups(monkeypatch, 99)[: BATCH // 2], *dense_nets(100)]
    compare(tmp_path, nets, "-DNN_FETCH_COPY", core="m0plus")
    calls = [c for n in nets for c in compile_graph(n.build(), "m", "m0plus").schedule.calls]
    fetching = [c for c in calls if pieces.fetches(c)]
    assert {c.kernel for c in fetching} == {"nn_m0_conv_2d", "nn_m0_dense"}
    assert any(c.settings["fetch"]["words"] < c.settings["stream_words"] for c in fetching)


@pytest.mark.slow
def test_dense_layers_as_thumb(tmp_path):
    models = [net.build() for net in dense_nets(101)]
    as_thumb(models, ["speed"] * len(models), tmp_path)


def strips(seed: int) -> list[Net]:
    """Depthwise layers along either axis, short and long, with every stride and padding."""
    nets = []
    for i in range(BATCH // 2):
        rng = np.random.default_rng([seed, i])
        length, taps = int(rng.choice([2, 3, 4, 7, 13, 50])), int(rng.choice([1, 2, 3, 5, 9]))
        padding = SAME if taps > length else int(rng.integers(0, 2))
        tall = bool(rng.integers(0, 2))
        size, kernel = ((length, 1), (taps, 1)) if tall else ((1, length), (1, taps))
        net = Net(rng, (int(rng.choice([1, 2])), *size, int(rng.choice([1, 3, 8]))))
        stride = int(rng.integers(1, 4))
        depthwise(net, kernel, int(rng.choice([1, 1, 2])), (stride, stride), padding)
        nets.append(net)
    return nets


def kernels(nets: list[Net]) -> Counter[str]:
    calls = [c for n in nets for c in compile_graph(n.build(), "m", "m0plus").schedule.calls]
    return Counter(call.kernel for call in calls)


def test_strips(monkeypatch, tmp_path):
    fetched(monkeypatch)
    nets = strips(102)
    compare(tmp_path, nets, "-DNN_FETCH_COPY", core="m0plus")
    assert kernels(nets)["nn_m0_depthwise_strip"] > len(nets) / 2


@pytest.mark.slow
def test_strips_as_thumb(tmp_path):
    models = [net.build() for net in strips(103)]
    as_thumb(models, ["speed"] * len(models), tmp_path)


def test_buffers_fill_the_room_that_is_left(monkeypatch):
    """Layers lose buffers that would make the arena larger than the room."""
    fetched(monkeypatch)
    model = dense_nets(100)[-1].build()
    full = compile_graph(model, "m", "m0plus").schedule.arena
    monkeypatch.setattr(pieces, "ROOM", 0)
    tight = compile_graph(model, "m", "m0plus").schedule.arena
    monkeypatch.setattr(pieces, "worth", lambda step, graph, size: False)
    bare = compile_graph(model, "m", "m0plus").schedule.arena
    assert tight == bare < full


def weights_as_code(monkeypatch) -> None:
    """Generate code for weights in every convolution that allows it, whatever its size."""
    monkeypatch.setattr(taps, "SHARE", 1e6)
    monkeypatch.setattr(taps, "SCRATCH", 1e6)


@pytest.mark.deep
def test_weights_as_code(monkeypatch, tmp_path):
    weights_as_code(monkeypatch)
    compare(tmp_path, [layer(13, i) for i in range(BATCH)], core="m0plus")


@pytest.mark.deep
@pytest.mark.slow
def test_weights_as_code_as_thumb(monkeypatch, tmp_path):
    weights_as_code(monkeypatch)
    models = [layer(14, i).build() for i in range(BATCH)]
    as_thumb(models, ["speed"] * BATCH, tmp_path)


def test_real_models_as_thumb(tmp_path):
    files = [third_party_model(f"{name}.tflite") for name in MODELS]
    models = [file.read_bytes() for file in files]
    as_thumb(2 * models, [how for how in OPTIMIZE for _ in models], tmp_path)


def test_dilated_and_narrow_layers(tmp_path):
    """Taps two columns apart, and dense layers whose rescaling is most of the work."""
    nets = []
    for seed, depth_ in enumerate((3, 8)):
        net = Net(np.random.default_rng([99, seed]), (1, 9, 8, depth_))
        convolution(net, (3, 3), 6, dilations=(1 + seed, 2))
        nets.append(net)
    for inputs in (1, 10, 24):
        net = Net(np.random.default_rng([99, inputs]), (2, inputs))
        dense(net, 7)
        nets.append(net)
    compare(tmp_path, nets, core="m0plus")
    steps = [compile_graph(net.build(), "m", "m0plus").schedule.calls[0] for net in nets]
    assert sum(step.kernel in ("nn_m0_conv_2d", "nn_m0_dense") for step in steps) >= len(nets) - 1


@pytest.mark.deep
def test_sums_and_products(tmp_path):
    nets = pairs(16, BATCH)
    compare(tmp_path, nets, core="m0plus")
    steps = [compile_graph(net.build(), "m", "m0plus").schedule.calls[-1] for net in nets]
    fast = [step for step in steps if step.kernel.startswith("nn_m0_")]
    portable = [step for step in steps if step not in fast]
    assert {"nn_m0_add", "nn_m0_mul", "nn_m0_mul_wide"} <= {step.kernel for step in fast}
    # The others repeat an operand within a run.
    assert not [step for step in portable if elementwise.runs_of(step.settings["shape"])]
    assert len(fast) > len(steps) / 2


@pytest.mark.deep
@pytest.mark.slow
def test_sums_and_products_as_thumb(tmp_path):
    models = [net.build() for net in pairs(17, BATCH)]
    as_thumb(models, ["speed"] * len(models), tmp_path)
