"""Networks with a memory against TensorFlow Lite Micro, over successive invocations."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.compile import compile_graph
from support.compiled_batch import run
from support.skips import stateful_model
from support.stateful import expected, opened, sounds

NETWORKS = [
    "alexa",
    "hey_jarvis",
    "hey_mycroft",
    "okay_nabu",
    "mww_choo_choo_homie",
    "mww_v1_okay_nabu",
    "mww_vad",
]
STEPS, RESET = 200, 120
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.mark.parametrize("core", ["portable", "m0plus", "dsp"])
def test_networks_with_a_memory(core, tmp_path):
    rng = np.random.default_rng(1)
    names = NETWORKS if core == "portable" else ["okay_nabu", "mww_v1_okay_nabu"]
    files = [opened(stateful_model(name).read_bytes()) for name in names]
    compiled = [compile_graph(data, name, core) for data, name in zip(files, names, strict=True)]
    inputs = [
        [[x] for x in sounds(rng, one.schedule.network.inputs[0].shape, STEPS)] for one in compiled
    ]
    flags = SANITIZE if core == "portable" else ()
    got = run(tmp_path, compiled, inputs, flags, forgets=[RESET])
    for name, data, given, found in zip(names, files, inputs, got, strict=True):
        wanted = expected(data, [x for (x,) in given], [RESET])
        wrong = [
            step
            for step, (a, b) in enumerate(zip(found, wanted, strict=True))
            if not all(map(np.array_equal, a, b))
        ]
        assert wrong == [], name
        assert len({b[1].tobytes() for b in wanted}) > STEPS // 8, f"{name} hears nothing"
