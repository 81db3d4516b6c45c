"""Steps of networks with a memory, and what TensorFlow Lite Micro makes of them."""

from __future__ import annotations

import flatbuffers
import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from support.compiled_compare import runtime


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
    """The network with what LOGISTIC makes a score of as an output too.

    A wake word's score is 0 for most sounds; the value before it is not.
    """
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    logistic = graph.operators[-2]
    graph.outputs = [*graph.outputs, int(logistic.inputs[0])]
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


def expected_of_all(data: bytes, inputs: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """The outputs of TensorFlow Lite Micro from the beginning. inputs: [step][input]."""
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=1 << 20)
    found = []
    for step in inputs:
        for number, x in enumerate(step):
            interpreter.set_input(x, number)
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
