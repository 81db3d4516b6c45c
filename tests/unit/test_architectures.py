"""Network architectures: sizes against the published ones, and the conversion to int8."""

import functools
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest
import tflite_micro

from otolith.compile.engine import HostModel
from otolith.errors import UserError
from otolith.train.architectures import ARCHITECTURES, find, fused
from otolith.train.convert import to_int8
from otolith.train.qat import quantization_aware
from otolith.train.qat import to_int8 as aware_to_int8
from support.skips import third_party_model

USUAL = {  # frames, bands, classes of the seed
    "alarm_cnn": (124, 129, 2),
    "bc_resnet": (98, 40, 12),
    "ds_cnn_m": (49, 10, 12),
    "ds_cnn_s": (49, 10, 12),
    "esc_cnn": (124, 129, 50),
    "keyword_cnn": (49, 23, 5),
    "micro_speech": (49, 40, 4),
    "separable_cnn": (187, 129, 10),
    "smart_lock_cnn": (20, 15, 4),
    "smart_lock_small": (15, 20, 4),
    "speech_cnn": (49, 40, 10),
    "strided_cnn": (124, 129, 10),
    "tenet12": (98, 40, 12),
    "tenet20": (98, 104, 3),
    "tenet6": (98, 40, 12),
    "tenet6_narrow": (98, 104, 3),
}
RESIDUALS = {"bc_resnet": 4 + 2 * 8, "tenet12": 12, "tenet20": 20, "tenet6": 6, "tenet6_narrow": 6}
LARGE = {"alarm_cnn", "esc_cnn", "keyword_cnn", "separable_cnn", "smart_lock_cnn", "speech_cnn"}
# a smaller variant of the same kind is always tested
LARGE |= {"ds_cnn_m", "tenet12", "tenet20", "tenet6"}
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def build(name, seed=1):
    """The network at its usual size, with batch-norm statistics as if it were trained."""
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    model = find(name)(*USUAL[name], 0.2)
    rng = np.random.default_rng(seed)
    for variable in model.trainable_weights:
        if "kernel" not in variable.name:
            variable.assign_add(rng.normal(0, 0.2, variable.shape).astype(np.float32))
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(features(name), training=True)
    return model


def features(name, count=8):
    """Noise whose mean and spread vary."""
    frames, bands, _ = USUAL[name]
    rng = np.random.default_rng(2)
    level, spread = rng.uniform(-3, 3, count), rng.uniform(0.1, 3, count)
    noise = rng.normal(0, 1, (frames, bands, 1, count))
    return np.moveaxis(level + spread * noise, 3, 0).astype(np.float32)


@functools.cache
def int8(name):
    return to_int8(fused(build(name), name), features(name))


def trained(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_weights)


def converted_size(data):
    """Number of values (not bytes) in the weights and biases of the .tflite."""
    graph = HostModel(data).network.original
    used = [op.inputs[1:3] for op in graph.operations if op.name in WEIGHTED]
    return sum(graph.tensors[i].count for pair in used for i in pair)


@pytest.mark.parametrize(
    ("name", "all_of_them", "published"),
    [
        ("esc_cnn", 14_970, "the article: about 15K"),
        ("alarm_cnn", 14_490, "own"),
        ("smart_lock_cnn", 24_580, "SensiML's tutorial, Keras summary"),
        ("micro_speech", 16_652, "the file in tflite-micro"),
        ("ds_cnn_s", 24_908, "MLPerf Tiny, Keras summary"),
        ("smart_lock_small", 2_292, "own"),
        ("keyword_cnn", 7_733, "own"),
        ("speech_cnn", 42_874, "own"),
    ],
)
def test_sizes_are_the_seeds(name, all_of_them, published):
    assert find(name)(*USUAL[name], 0.2).count_params() == all_of_them, published


def test_bc_resnet_is_the_papers_less_four_of_five_sub_bands_norms():
    blocks = [2 * 8, 2 * 12, 4 * 16, 4 * 20]  # channels of all blocks, by stage
    assert trained(find("bc_resnet")(*USUAL["bc_resnet"], 0.2)) == 9_232 - 4 * 2 * sum(blocks)


@pytest.mark.parametrize(
    ("name", "channels", "blocks", "fused_size", "thousands"),
    [
        ("tenet6", 32, 6, 55_148, 54),
        ("tenet6_narrow", 12, 6, 13_515, 0),
        ("tenet12", 32, 12, 102_572, 100),
        ("tenet20", 50, 20, 384_303, 0),
    ],
)
def test_tenet_trains_four_scales_and_infers_one(name, channels, blocks, fused_size, thousands):
    model = find(name)(*USUAL[name], 0.2)
    one = fused(model, name)
    wide = 3 * channels
    assert one.count_params() == fused_size
    # per block: kernels of 7, 5 and 3 steps, and three batch norms
    assert model.count_params() == fused_size + blocks * wide * (7 + 5 + 3 + 3 * 4)
    if name == "tenet20":  # MLTK's Keras summary: 384,303 in total, 369,803 of them trainable
        assert trained(one) == 369_803
    elif thousands:  # the paper's table, in thousands; it does not say whether it counts batch norm
        assert fused_size / 1000 == pytest.approx(thousands, rel=0.03)


def test_ds_cnn_takes_the_memory_that_hello_edge_says():
    """Its table gives, in kB, 8-bit weights plus the largest pair of activations alive together."""
    for name, kilobytes in (("ds_cnn_s", 38.6), ("ds_cnn_m", 189.2)):
        data = int8(name)
        arena = HostModel(data).compiled.schedule.arena
        assert (converted_size(data) + arena) / 1000 == pytest.approx(kilobytes, abs=0.05)


@pytest.mark.parametrize(
    ("file", "name"), [("kws_ref.tflite", "ds_cnn_s"), ("micro_speech.tflite", "micro_speech")]
)
def test_layers_are_those_of_the_published_file(file, name):
    theirs, ours = third_party_model(file).read_bytes(), int8(name)
    assert converted_size(theirs) == converted_size(ours)
    sizes = []
    for data in (theirs, ours):
        steps = HostModel(data).compiled.schedule.calls
        sizes.append([step.macs for step in steps if step.macs])
    assert sizes[0] == sizes[1]


def check_int8(name, data):
    """Our engine equals the wheel bit for bit, and no batch norm is left."""
    engine, wheel = HostModel(data), tflite_micro.runtime.Interpreter.from_bytes(data)
    names = [step.operation for step in engine.compiled.schedule.calls]
    assert names.count("ADD") == RESIDUALS.get(name, 0)
    assert not {"MUL", "QUANTIZE", "RELU", "RELU6", "LOGISTIC"} & set(names)
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(6):
        level, spread = rng.uniform(-100, 100), rng.uniform(1, 100)
        noise = rng.normal(level, spread, engine.input_shapes[0])
        x = np.clip(noise, -128, 127).astype(np.int8)
        wheel.set_input(x, 0)
        wheel.invoke()
        scores = engine.invoke(x)
        np.testing.assert_array_equal(scores, wheel.get_output(0))
        seen.add(scores.tobytes())
    assert len(seen) > 1, "the scores don't depend on the input"


def test_every_architecture_is_checked_here():
    assert set(USUAL) == set(ARCHITECTURES)


def large_in_soak(names):
    """Leave architectures that take minutes to `make soak`."""
    return [pytest.param(n, marks=[pytest.mark.soak] * (n in LARGE)) for n in sorted(names)]


@pytest.mark.slow
@pytest.mark.parametrize("name", large_in_soak(USUAL))
def test_int8_equals_the_wheel_and_batch_norm_is_folded(name):
    check_int8(name, int8(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", large_in_soak(set(USUAL) - {"ds_cnn_m", "tenet12", "tenet20"}))
def test_quantisation_aware_int8_equals_the_wheel_and_batch_norm_is_folded(name):
    model = fused(build(name), name)
    x = features(name)
    aware = quantization_aware(model, x)
    error = np.abs(aware.predict(x, verbose=0) - model.predict(x, verbose=0))
    assert error.mean() < 0.02  # ranges are calibrated; otherwise it is 0.04 or more
    data = aware_to_int8(aware)
    check_int8(name, data)
    assert converted_size(data) == converted_size(int8(name))


@pytest.mark.parametrize("frames", [98, 49, 31])  # SAME pads odd and even lengths differently
def test_fusing_changes_no_score(frames, monkeypatch):
    monkeypatch.setitem(USUAL, "tenet6", (frames, 40, 12))
    model, x = build("tenet6"), features("tenet6")
    one = fused(model, "tenet6")
    assert not any(layer.name == "depthwise_conv2d_1" for layer in one.layers)

    def inside(m):  # the last block's output, before scores are squeezed into 0..1
        from tf_keras import Model

        return Model(m.input, m.layers[-3].output).predict(x, verbose=0)

    before, after = inside(model), inside(one)
    assert before.std() > 0.1
    np.testing.assert_allclose(after, before, atol=1e-5 * np.abs(before).max())


def test_fusing_reaches_a_body_under_a_head_of_its_own():
    """Transfer learning: a new head on the trained network."""
    from tf_keras import Model, Sequential, layers

    whole = build("tenet6")
    body = Model(whole.input, whole.layers[-2].output, name="body")
    body.trainable = False
    head = [layers.Dense(8, activation="relu"), layers.Dense(1, activation="sigmoid")]
    model = Sequential([layers.Input(body.input_shape[1:]), body, *head])
    one, x = fused(model), features("tenet6")
    assert model.count_params() - one.count_params() == 6 * 96 * (7 + 5 + 3 + 3 * 4)
    np.testing.assert_allclose(one.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)
    assert not one.get_layer("body").trainable_weights


def test_a_network_with_nothing_to_fuse_stays():
    for name in ("ds_cnn_s", "bc_resnet"):
        model = find(name)(*USUAL[name], 0.2)
        assert fused(model, name) is model


def test_branches_that_are_not_alike_stay():
    """No one convolution equals them: an activation between, a bias, a second reader, gaps."""
    from tf_keras import Model, layers

    def two(activation="linear", biased=False, read_twice=False, dilation=1):
        start = layers.Input((16, 1, 4))
        ends = []
        for steps in (5, 3):
            y = layers.DepthwiseConv2D(
                (steps, 1),
                padding="same",
                activation=activation,
                use_bias=biased,
                dilation_rate=(dilation, 1),
            )(start)
            ends.append(layers.BatchNormalization()(y))
        total = layers.Add()(ends)
        outputs = layers.Add()([total, ends[0]]) if read_twice else total
        return Model(start, outputs)

    assert len(fused(two()).layers) == 3
    for other in (two("relu"), two(biased=True), two(read_twice=True), two(dilation=2)):
        assert fused(other) is other


def test_a_network_of_the_users_own_has_its_own_way_to_fuse(tmp_path):
    (tmp_path / "own_fusing.py").write_text(
        "from tf_keras import Sequential, layers\n"
        "def net(frames, bands, classes, dropout):\n"
        "    end = layers.Dense(classes, activation='softmax')\n"
        "    return Sequential([layers.Input((frames, bands, 1)), layers.Flatten(), end])\n"
        "def for_inference(model):\n"
        "    return net(*model.input_shape[1:3], 2, 0.1)\n"
    )
    net = find("own_fusing:net", tmp_path)
    model = net(10, 4, 2, 0.1)
    twin = fused(model, net)
    assert twin is not model and twin.output_shape == (None, 2)
    other = net(10, 4, 3, 0.1)
    with pytest.raises(UserError, match=r"own_fusing.py: for_inference: gives \(None, 2\), not"):
        fused(other, net)
