"""Networks with a memory against TensorFlow Lite Micro, over successive invocations."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from otolith.compile import compile_graph
from support.compiled_batch import run
from support.compiled_compare import runtime
from support.skips import stateful_model

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


def sounds(rng: np.random.Generator, shape: tuple[int, ...], steps: int) -> list[np.ndarray]:
    """Inputs of all values, of few values near the middle, and of the ends of the range."""
    found = []
    for step in range(steps):
        if step % 4 == 0:
            x = rng.integers(-128, 128, shape)
        elif step % 4 < 3:
            x = np.clip(rng.normal(-90, 40, shape), -128, 127)
        else:
            x = rng.choice([-128, 127, 0], shape)
        found.append(x.astype(np.int8))
    return found


def opened(data: bytes) -> bytes:
    """The network with the inputs of its last operations as outputs too.

    A wake word's score is 0 for most sounds; what leads to it is not.
    """
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    last = [op for op in graph.operators if op.outputs is not None and len(op.outputs)][-3:]
    graph.outputs = [*graph.outputs, *(int(op.inputs[0]) for op in last[:2])]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def expected(data: bytes, inputs: list[np.ndarray], resets=()) -> list[list[np.ndarray]]:
    """The outputs of TensorFlow Lite Micro, with a reset before some steps."""
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 20)
    found = []
    for step, x in enumerate(inputs):
        if step in resets:
            interpreter.reset()
        interpreter.set_input(x, 0)
        interpreter.invoke()
        outputs = [interpreter.get_output(number) for number in range(outputs_of(data))]
        found.append([as_int8(np.array(values)) for values in outputs])
    return found


def outputs_of(data: bytes) -> int:
    """The number of outputs."""
    return len(schema.Model.GetRootAs(data, 0).Subgraphs(0).OutputsAsNumpy())


def as_int8(values: np.ndarray) -> np.ndarray:
    """uint8 as the compiled network gives it."""
    return (values.astype(np.int16) - 128).astype(np.int8) if values.dtype == np.uint8 else values


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
        assert len({b[1].tobytes() for b in wanted}) > STEPS // 4, f"{name} hears nothing"
