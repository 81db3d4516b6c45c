"""Every operation of the compiled engine against TensorFlow Lite Micro, bit for bit."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from compiled_batch import run
from random_models import EACH, Net, chain, conv_2d, single
from tflite_builder import ModelBuilder

from host import paths
from host.compile import compile_graph
from host.compile.engine import HostModel
from host.errors import UserError

runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")

BATCH = 100
ROUNDS = 3
SINGLE, CHAINS = 5 * BATCH, 2 * BATCH


def oracle(model: bytes, rounds: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
    results = []
    for inputs in rounds:
        for number, value in enumerate(inputs):
            interpreter.set_input(value, number)
        interpreter.invoke()
        results.append([np.array(interpreter.get_output(0))])
    return results


def some_inputs(rng: np.random.Generator, report: dict) -> list[list[np.ndarray]]:
    """Random rounds, and one with only the ends of the range."""
    shapes = [edge["shape"] for edge in report["inputs"]]
    rounds = [[rng.integers(-128, 128, s).astype(np.int8) for s in shapes] for _ in range(ROUNDS)]
    rounds[-1] = [rng.choice(np.array([-128, 127], np.int8), s) for s in shapes]
    return rounds


def compare(folder, nets, *flags: str) -> None:
    rng = np.random.default_rng(1)
    models = [net.build() for net in nets]
    compiled = [compile_graph(model, f"m{i}") for i, model in enumerate(models)]
    inputs = [some_inputs(rng, one.report) for one in compiled]
    # In ASan's and UBSan's eyes too: a kernel that leaves its tensors or shifts wrongly stops.
    sanitize = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    got = run(folder, compiled, inputs, (*sanitize, *flags))
    wrong: Counter[str] = Counter()
    for net, model, rounds, result in zip(nets, models, inputs, got, strict=True):
        expected = oracle(model, rounds)
        for a, b in zip(expected, result, strict=True):
            assert a[0].shape == b[0].shape
            if not np.array_equal(a[0], b[0]):
                wrong[" ".join(net.operations)] += 1
    assert not wrong


@pytest.mark.parametrize("batch", range(SINGLE // BATCH))
def test_one_operation(batch, tmp_path):
    rngs = [np.random.default_rng([batch, i]) for i in range(BATCH)]
    nets = [single(rng, batch * BATCH + i) for i, rng in enumerate(rngs)]
    assert len({op for net in nets for op in net.operations}) >= len(EACH) - 1
    compare(tmp_path, nets)


@pytest.mark.parametrize("batch", range(CHAINS // BATCH))
def test_several_operations(batch, tmp_path):
    # The second batch in the Cortex-M0+'s arithmetic, which has no 64-bit product.
    flags = ["-D__ARM_ARCH_6M__"] if batch else []
    nets = [chain(np.random.default_rng([99, batch, i])) for i in range(BATCH)]
    compare(tmp_path, nets, *flags)


@pytest.mark.parametrize("name", ["fire_alarm", "kws_ref", "micro_speech", "mltk_micro_speech"])
def test_real_model(name):
    file = paths.test_models() / f"{name}.tflite"
    if not file.exists():
        pytest.skip(f"{file} is not here")
    data = file.read_bytes()
    model = HostModel(data)
    shape = model.input_shapes[0]
    rng = np.random.default_rng(4)
    rounds = [[rng.integers(-128, 128, shape).astype(np.int8)] for _ in range(30)]
    rounds += [[np.full(shape, value, np.int8)] for value in (-128, 0, 127)]
    rounds += [[rng.choice(np.array([-128, 127], np.int8), shape)] for _ in range(7)]
    for inputs, expected in zip(rounds, oracle(data, rounds), strict=True):
        assert np.array_equal(model.invoke(*inputs), expected[0])


def test_float_edges():
    """Float in and out: the computer's QUANTIZE and DEQUANTIZE equal TFLM's."""
    rng = np.random.default_rng(5)
    net = Net(rng, (1, 6, 6, 2))
    edge = net.b.tensor(net.shape, dtype="float32")
    net.b.op("QUANTIZE", [edge], [net.x])
    net.inputs = [edge]
    scale = net.s
    conv_2d(net)
    out = net.b.tensor(net.shape, dtype="float32")
    net.b.op("DEQUANTIZE", [net.x], [out])
    net.x = out
    data = net.build()
    model = HostModel(data)
    for _ in range(20):
        x = rng.normal(0, 90 * scale, (1, 6, 6, 2)).astype(np.float32)
        x[0, 0, 0] = [0.5 * np.float32(scale), -1.5 * np.float32(scale)]  # ties
        assert np.array_equal(model.invoke(x), oracle(data, [[x]])[0][0])


@pytest.mark.parametrize(
    ("name", "dtype"), [("TANH", "int8"), ("RELU", "int16"), ("RELU", "float32")]
)
def test_what_is_not_supported_is_named(name, dtype):
    b = ModelBuilder()
    a, c = b.tensor([1, 4], 0.1, 0), b.tensor([1, 4], 0.1, 0, dtype)
    d = b.tensor([1, 4], 0.1, 0)
    b.op("RELU" if name == "TANH" else name, [a], [c])
    b.op(name, [c], [d])
    with pytest.raises(UserError, match=f"({name}.*|.*{dtype}.*)tflm engine"):
        compile_graph(b.build([a], [d]), "m")
