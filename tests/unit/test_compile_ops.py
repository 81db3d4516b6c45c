"""Every operation of the compiled engine against TensorFlow Lite Micro, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.compile import compile_graph
from otolith.compile.engine import HostModel
from otolith.errors import UserError
from support.compiled_compare import compare, oracle, runtime
from support.moving_models import moving
from support.random_models import EACH, Net, chain, conv_2d, single
from support.skips import third_party_model
from support.soak import depth
from support.tflite_builder import ModelBuilder

BATCH = depth(36, 100)
SINGLE, CHAINS = depth(1, 5) * BATCH, 2 * BATCH


@pytest.mark.deep
@pytest.mark.parametrize("batch", range(SINGLE // BATCH))
def test_one_operation(batch, tmp_path):
    rngs = [np.random.default_rng([batch, i]) for i in range(BATCH)]
    nets = [single(rng, batch * BATCH + i) for i, rng in enumerate(rngs)]
    assert len({op for net in nets for op in net.operations}) >= len(EACH) - 1
    compare(tmp_path, nets)


@pytest.mark.deep
@pytest.mark.parametrize("batch", range(CHAINS // BATCH))
def test_several_operations(batch, tmp_path):
    # The second batch uses the arithmetic of the Cortex-M0+, which has no 64-bit product.
    flags = ["-DNN_NARROW_MULTIPLY"] if batch else []
    nets = [chain(np.random.default_rng([99, batch, i])) for i in range(BATCH)]
    compare(tmp_path, nets, *flags)


@pytest.mark.deep
@pytest.mark.parametrize("core", ["portable", "m0plus", "dsp"])
def test_operations_that_move_values(core, tmp_path):
    """Also: their copies are removed where a tensor can lie in another one."""
    count = depth(44, 220)
    nets = [moving(np.random.default_rng([7, len(core), i]), i) for i in range(count)]
    assert len({op for net in nets for op in net.operations}) > 20
    compare(tmp_path, nets, core=core)


@pytest.mark.parametrize("name", ["fire_alarm", "kws_ref", "micro_speech", "mltk_micro_speech"])
def test_real_model(name):
    data = third_party_model(f"{name}.tflite").read_bytes()
    model = HostModel(data)
    shape = model.input_shapes[0]
    rng = np.random.default_rng(4)
    rounds = [[rng.integers(-128, 128, shape).astype(np.int8)] for _ in range(30)]
    rounds += [[np.full(shape, value, np.int8)] for value in (-128, 0, 127)]
    rounds += [[rng.choice(np.array([-128, 127], np.int8), shape)] for _ in range(7)]
    for inputs, expected in zip(rounds, oracle(data, rounds), strict=True):
        assert np.array_equal(model.invoke(*inputs), expected[0])


def test_float_edges():
    """Float input and output: QUANTIZE and DEQUANTIZE on the computer equal TFLM's."""
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


def test_a_shape_is_a_constant(tmp_path):
    """Keras reshapes by SHAPE, STRIDED_SLICE and PACK."""
    net = Net(np.random.default_rng(6), (1, 3, 4, 2))
    numbers = {
        value: net.b.tensor([1], None, 0, "int32", np.array([value])) for value in (0, 1, 8, 3)
    }
    shape = net.b.tensor([4], None, 0, "int32")
    first, packed = net.b.tensor([], None, 0, "int32"), net.b.tensor([3], None, 0, "int32")
    net.b.op("SHAPE", [net.x], [shape])
    bounds = [numbers[0], numbers[1], numbers[1]]
    net.b.op("STRIDED_SLICE", [shape, *bounds], [first], shrinkAxisMask=1)
    rest = [net.b.tensor([], None, 0, "int32", np.array(value)) for value in (8, 3)]
    net.b.op("PACK", [first, *rest], [packed], valuesCount=3, axis=0)
    net.grow("RESHAPE", [net.x, packed], (1, 8, 3), net.s, net.z)
    net.grow("RELU6", [net.x], net.shape, net.s, net.z)
    compare(tmp_path, [net])


@pytest.mark.parametrize(
    ("name", "dtype"), [("NEG", "int8"), ("RELU", "int16"), ("RELU", "float32")]
)
def test_what_is_not_supported_is_named(name, dtype):
    b = ModelBuilder()
    a, c = b.tensor([1, 4], 0.1, 0), b.tensor([1, 4], 0.1, 0, dtype)
    d = b.tensor([1, 4], 0.1, 0)
    b.op("RELU" if name == "NEG" else name, [a], [c])
    b.op(name, [c], [d])
    with pytest.raises(UserError, match=f"({name}.*|.*{dtype}.*)tflm engine"):
        compile_graph(b.build([a], [d]), "m")


def test_rsqrt_of_every_value():
    """TensorFlow Lite Micro stops at negative values, so only others are compared."""
    rng = np.random.default_rng(1)
    for _ in range(12):
        scale, out_scale = np.exp(rng.uniform([-8, -7], [2, 1])).astype(np.float32).tolist()
        zero, out_zero = int(rng.integers(-128, 100)), int(rng.integers(-128, 128))
        values = np.arange(zero, 128).astype(np.int8)[None]
        b = ModelBuilder()
        x, y = b.tensor(values.shape, scale, zero), b.tensor(values.shape, out_scale, out_zero)
        b.op("RSQRT", [x], [y])
        data = b.build([x], [y])
        interpreter = runtime.Interpreter.from_bytes(data)
        interpreter.set_input(values, 0)
        interpreter.invoke()
        table = compile_graph(data, "m").schedule.calls[0].settings["table"].values
        np.testing.assert_array_equal(table[128 + zero :], interpreter.get_output(0)[0])
