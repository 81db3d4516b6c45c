"""Networks with a memory as Thumb code in QEMU: 200 successive steps equal those of TFLM."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from otolith.compile import compile_graph
from support.qemu_cores import M0PLUS, MACHINES
from support.qemu_networks import run
from support.skips import stateful_model
from support.stateful import expected, opened, sounds

STEPS = 200


@pytest.mark.parametrize("machine", list(MACHINES))
def test_as_thumb(machine, tmp_path):
    assert shutil.which("qemu-system-arm"), "run `host setup`"
    rng = np.random.default_rng(5)
    core = "m0plus" if machine == M0PLUS else "dsp"
    models = [opened(stateful_model(name).read_bytes()) for name in ("okay_nabu", "mww_vad")]
    compiled = [compile_graph(model, f"m{i}", core) for i, model in enumerate(models)]
    inputs = [
        [[x] for x in sounds(rng, one.schedule.network.inputs[0].shape, STEPS)] for one in compiled
    ]
    got, _ = run(machine, compiled, inputs, tmp_path)
    for model, rounds, result in zip(models, inputs, got, strict=True):
        for a, b in zip(result, expected(model, [x for (x,) in rounds]), strict=True):
            assert all(map(np.array_equal, a, b))
