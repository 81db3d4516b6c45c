"""Networks with a memory against TensorFlow Lite Micro, over successive invocations."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.compile import compile_graph
from otolith.compile.tflm import compile_for_tflm
from otolith.errors import UserError
from support.compiled_batch import run
from support.fuzz_tflite import damaged_memories
from support.memory_models import remembering
from support.skips import stateful_model
from support.soak import depth
from support.stateful import expected, expected_of_all, opened, sounds

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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("core", ["portable", "m0plus", "dsp"])
def test_other_models_of_tflm(core, tmp_path):
    """TFLM's own examples: an LSTM, whose state goes on, and a bias quantised along axis 3."""
    rng = np.random.default_rng(2)
    names, steps = ["trained_lstm_int8", "person_detect"], 3
    files = [stateful_model(name).read_bytes() for name in names]
    compiled = [compile_graph(data, name, core) for data, name in zip(files, names, strict=True)]
    inputs = [
        [[x] for x in sounds(rng, one.schedule.network.inputs[0].shape, steps)] for one in compiled
    ]
    got = run(tmp_path, compiled, inputs, forgets=[2])
    for name, data, given, found in zip(names, files, inputs, got, strict=True):
        wanted = expected(data, [x for (x,) in given], [2])
        for step, (a, b) in enumerate(zip(found, wanted, strict=True)):
            assert all(map(np.array_equal, a, b)), f"{name}, step {step}"
        assert len({b[0].tobytes() for b in wanted}) > 1, name


def test_what_no_engine_takes_says_so():
    """int16 and int32 edges, and SOFTMAX of 16 bits: TensorFlow Lite Micro alone runs these."""
    data = stateful_model("keyword_scrambled_8bit").read_bytes()
    for build in (compile_graph, compile_for_tflm):
        with pytest.raises(UserError, match=r"edge 0 .* is int16: both engines take int8"):
            build(data, "m")


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.parametrize("core", ["portable", "m0plus", "dsp"])
def test_random_memories(core, tmp_path):
    """Variables that move, that are exchanged, and several at once; SVDF and LSTM; 30 steps.

    Damaged ones that still compile run beside them, for the sanitizers alone.
    """
    count, steps = depth(36, 300), 30
    models, compiled, inputs = [], [], []
    for number in range(count):
        rng = np.random.default_rng([len(core), number])
        models.append(remembering(rng, number).build())
        compiled.append(compile_graph(models[-1], f"m{number}", core))
        shapes = [tensor.shape for tensor in compiled[-1].schedule.network.inputs]
        each = [sounds(rng, shape, steps) for shape in shapes]
        inputs.append([list(step) for step in zip(*each, strict=True)])
    damaged = damaged_memories(6) if core == "portable" else []
    assert len(damaged) == 6 or core != "portable"
    rng = np.random.default_rng(6)
    shapes = [[t.shape for t in one.schedule.network.inputs] for one in damaged]
    more = [[[sounds(rng, s, 1)[0] for s in of] for _ in range(steps)] for of in shapes]
    got = run(tmp_path, [*compiled, *damaged], [*inputs, *more], SANITIZE, forgets=[20])
    for number, (data, given, found) in enumerate(zip(models, inputs, got[:count], strict=True)):
        wanted = expected_of_all(data, given[:20]) + expected_of_all(data, given[20:])
        for step, (a, b) in enumerate(zip(found, wanted, strict=True)):
            assert all(map(np.array_equal, a, b)), f"network {number}, step {step}"
    turning = sum("nn_turn(" in one.files["model.c"] for one in compiled)
    shifted = sum("nn_shift(" in one.files["model.c"] for one in compiled)
    assert min(turning, shifted) > count // 20
