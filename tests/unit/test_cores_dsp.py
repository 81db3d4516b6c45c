"""Kernels for Cortex-M4F and M33 equal TensorFlow Lite Micro bit for bit.

They run here in plain C with sanitizers, and with the chip's own instructions in QEMU.
"""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from otolith.compile import analyse_model, compile_graph
from otolith.compile.cores import OPTIMIZE
from otolith.compile.cores.m0plus.elementwise import runs_of
from otolith.compile.schedule import SIZES
from otolith.summarize.realtime import costs_of, network_cycles
from support.compiled_compare import compare, oracle, some_inputs
from support.core_models import LAYERS, layer, pairs
from support.qemu_cores import CORES
from support.qemu_networks import run
from support.random_models import chain
from support.skips import third_party_model
from support.soak import depth

BATCH = depth(24, 90)
ON_CHIP = depth(60, 90)  # enough for each kernel
KERNELS = {
    "nn_dsp_average_pool_2d",
    "nn_dsp_conv_2d",
    "nn_dsp_conv_2d_line",
    "nn_dsp_conv_2d_small",
    "nn_dsp_depthwise_3x3",
    "nn_dsp_depthwise_3x3_line",
    "nn_dsp_depthwise_conv_2d",
    "nn_dsp_depthwise_conv_2d_line",
    "nn_dsp_fully_connected",
    "nn_dsp_fully_connected_line",
    "nn_dsp_fully_connected_small",
    "nn_dsp_add",
    "nn_dsp_max_pool_2d",
    "nn_dsp_mean",
    "nn_dsp_mul",
    "nn_dsp_pointwise",
    "nn_dsp_pointwise_line",
    "nn_dsp_pointwise_small",
}
MODELS = ["fire_alarm", "kws_ref", "micro_speech", "mltk_micro_speech"]


def packed_bytes(source: str) -> int:
    """Bytes of packed weights in a model.c."""
    arrays = re.findall(r"static const (\w+) op\d+_weights\w*\[(\d+)\]", source)
    assert arrays
    return sum(SIZES[ctype] * int(count) for ctype, count in arrays)


@pytest.mark.deep
@pytest.mark.parametrize("optimize", OPTIMIZE)
def test_random_layers(optimize, tmp_path):
    nets = [layer(OPTIMIZE.index(optimize), i) for i in range(BATCH)]
    compare(tmp_path, nets, core="dsp", optimize=optimize)


@pytest.mark.deep
def test_several_operations(tmp_path):
    nets = [chain(np.random.default_rng([98, i])) for i in range(BATCH)]
    compare(tmp_path, nets, core="dsp")


@pytest.mark.deep
def test_sums_and_products(tmp_path):
    nets = pairs(18, BATCH)
    compare(tmp_path, nets, core="dsp")
    steps = [compile_graph(net.build(), "m", "dsp").schedule.calls[-1] for net in nets]
    portable = [step for step in steps if not step.kernel.startswith("nn_dsp_")]
    assert not [step for step in portable if runs_of(step.settings["shape"])]


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.parametrize("machine", CORES)
def test_random_layers_on_a_core(machine, tmp_path):
    assert shutil.which("qemu-system-arm"), "run `host setup`"
    rng = np.random.default_rng(3)
    models = [layer(list(CORES).index(machine) + 2, i).build() for i in range(2 * ON_CHIP)]
    models += [chain(np.random.default_rng([97, i])).build() for i in range(ON_CHIP)]
    models += [net.build() for net in pairs(19, 12)]
    compiled = [
        compile_graph(model, f"m{i}", "dsp", OPTIMIZE[i // len(LAYERS) % 2])
        for i, model in enumerate(models)
    ]
    assert {step.kernel for one in compiled for step in one.schedule.calls} >= KERNELS
    inputs = [some_inputs(rng, one) for one in compiled]
    got, _ = run(machine, compiled, inputs, tmp_path)
    for model, one, rounds, result in zip(models, compiled, inputs, got, strict=True):
        for a, b in zip(oracle(model, rounds), result, strict=True):
            assert np.array_equal(a[0], b[0]), one.schedule.calls


@pytest.mark.parametrize("machine", CORES)
def test_real_models_on_a_core(machine, tmp_path):
    files = [third_party_model(f"{name}.tflite") for name in MODELS]
    rng = np.random.default_rng(4)
    models = [file.read_bytes() for file in files]
    pairs = [(model, optimize) for optimize in OPTIMIZE for model in models]
    compiled = [compile_graph(model, "m", "dsp", optimize) for model, optimize in pairs]
    for one, (_, optimize) in zip(compiled, pairs, strict=True):
        given = sum(
            t.count for t in one.schedule.graph.tensors if t.data is not None and t.dtype == "int8"
        )
        assert packed_bytes(one.files["model.c"]) <= given * (2 if optimize == "speed" else 1)
    inputs = [some_inputs(rng, one) for one in compiled]
    got, counts = run(machine, compiled, inputs, tmp_path)
    for (model, _), rounds, result in zip(pairs, inputs, got, strict=True):
        for a, b in zip(oracle(model, rounds), result, strict=True):
            assert np.array_equal(a[0], b[0])
    # The estimate made before any build. No price was fitted to these files.
    costs = costs_of("dsp")
    for name, model, count in zip(MODELS, models, counts[: len(MODELS)], strict=True):
        expected = network_cycles(analyse_model(model, name, 0), costs)
        print(f"{name}: {count:,} instructions, {expected:,.0f} estimated")
        assert expected == pytest.approx(count, rel=0.15), name
