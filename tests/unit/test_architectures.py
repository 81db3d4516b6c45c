"""Network architectures: sizes against the published ones, and the conversion to int8."""

import functools
import os
import sys

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
from support.soak import depth

USUAL = {  # frames, bands, classes of the seed
    "alarm_cnn": (124, 129, 2),
    "bc_resnet": (98, 40, 12),
    "ds_cnn_m": (49, 10, 12),
    "ds_cnn_s": (49, 10, 12),
    "ds_cnn_stream_l": (49, 40, 12),
    "ds_cnn_stream_m": (49, 40, 12),
    "ds_cnn_stream_s": (49, 40, 12),
    "esc_cnn": (124, 129, 50),
    "keyword_cnn": (49, 23, 5),
    "micro_speech": (49, 40, 4),
    "mixed_conv_l": (170, 40, 2),
    "mixed_conv_m": (170, 40, 2),
    "mixed_conv_s": (170, 40, 2),
    "separable_cnn": (187, 129, 10),
    "smart_lock_cnn": (20, 15, 4),
    "smart_lock_small": (15, 20, 4),
    "speech_cnn": (49, 40, 10),
    "strided_cnn": (124, 129, 10),
    "tenet12": (98, 40, 12),
    "tenet20": (98, 104, 3),
    "tenet6": (98, 40, 12),
    "tenet6_narrow": (98, 104, 3),
    "word_cnn_l": (49, 40, 2),
    "word_cnn_m": (49, 40, 2),
}
RESIDUALS = {"bc_resnet": 4 + 2 * 8, "tenet12": 12, "tenet20": 20, "tenet6": 6, "tenet6_narrow": 6}
RESIDUALS |= {"word_cnn_l": 4, "word_cnn_m": 3}
LARGE = {"alarm_cnn", "esc_cnn", "keyword_cnn", "separable_cnn", "smart_lock_cnn", "speech_cnn"}
# a smaller variant of the same kind, or with the same layers, is always tested
LARGE |= {"bc_resnet", "ds_cnn_m", "tenet12", "tenet20", "tenet6", "tenet6_narrow"}
LARGE |= {"ds_cnn_stream_m", "ds_cnn_stream_l", "mixed_conv_m", "mixed_conv_l", "word_cnn_l"}
AWARE = {"ds_cnn_s", "smart_lock_small"}  # trained quantised in `make test` too
STREAMED = {"ds_cnn_stream_s", "mixed_conv_s"}  # their int8 is tested hop by hop
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
        pytest.param("tenet12", 32, 12, 102_572, 100, marks=pytest.mark.soak),
        pytest.param("tenet20", 50, 20, 384_303, 0, marks=pytest.mark.soak),
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


@pytest.mark.deep
def test_ds_cnn_takes_the_memory_that_hello_edge_says():
    """Its table gives, in kB, 8-bit weights plus the largest pair of activations alive together."""
    for name, kilobytes in depth([("ds_cnn_s", 38.6)], [("ds_cnn_s", 38.6), ("ds_cnn_m", 189.2)]):
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


def large_in_soak(names, large=LARGE):
    """Leave architectures that take minutes to `make soak`."""
    return [pytest.param(n, marks=[pytest.mark.soak] * (n in large)) for n in sorted(names)]


@pytest.mark.slow
@pytest.mark.parametrize("name", large_in_soak(set(USUAL) - STREAMED))
def test_int8_equals_the_wheel_and_batch_norm_is_folded(name):
    check_int8(name, int8(name))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", large_in_soak(set(USUAL) - {"ds_cnn_m", "tenet12", "tenet20"}, set(USUAL) - AWARE)
)
def test_quantisation_aware_int8_equals_the_wheel_and_batch_norm_is_folded(name):
    model = fused(build(name), name)
    x = features(name)
    aware = quantization_aware(model, x)
    error = np.abs(aware.predict(x, verbose=0) - model.predict(x, verbose=0))
    assert error.mean() < 0.02  # ranges are calibrated; otherwise it is 0.04 or more
    data = aware_to_int8(aware)
    check_int8(name, data)
    assert converted_size(data) == converted_size(int8(name))


# SAME pads odd and even lengths differently
@pytest.mark.parametrize(
    "frames", [49, *(pytest.param(f, marks=pytest.mark.soak) for f in (98, 31))]
)
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


STREAMS = {  # all parameters, MACs of a hop, frames of a hop
    "ds_cnn_stream_l": (48_780, 884_352, 2),
    "ds_cnn_stream_m": (24_332, 425_728, 2),
    "ds_cnn_stream_s": (8_076, 130_944, 2),
    "mixed_conv_l": (79_298, 76_992, 3),
    "mixed_conv_m": (48_722, 46_992, 3),
    "mixed_conv_s": (25_314, 24_160, 3),
}


def macs_of_a_row(model):
    """Multiply-accumulate operations of one new row of every layer, and of the output."""
    from tf_keras import layers

    found = 0
    for layer in model.layers:
        if isinstance(layer, layers.DepthwiseConv2D):
            found += layer.output_shape[2] * int(np.prod(layer.depthwise_kernel.shape))
        elif isinstance(layer, layers.Conv2D):
            found += layer.output_shape[2] * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, layers.Dense):
            found += int(np.prod(layer.kernel.shape))
    return found


@pytest.mark.parametrize("name", STREAMS)
def test_networks_for_streams_have_the_documented_sizes(name):
    parameters, macs, _ = STREAMS[name]
    model = find(name)(*USUAL[name], 0.2)
    assert (model.count_params(), macs_of_a_row(model)) == (parameters, macs)
    module = sys.modules[find(name).__module__]
    (line,) = [line for line in module.__doc__.splitlines() if line.split()[:1] == [name]]
    assert line.split()[-2:] == [f"{parameters:,}", f"{macs:,}"]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STREAMED))
def test_a_hop_computes_one_row_of_every_layer_and_equals_the_window(name):
    _, macs, hop = STREAMS[name]
    check_int8(name, int8(name))
    data, (frames, bands, _) = int8(name), USUAL[name]
    engine, wheel = HostModel(data, hop=hop), tflite_micro.runtime.Interpreter.from_bytes(data)
    assert engine.compiled.schedule.stream.macs == macs
    sound = np.random.default_rng(4).integers(-128, 128, (frames + 30 * hop, bands))
    for number in range(31):
        window = sound[number * hop :][:frames].astype(np.int8).reshape(engine.input_shapes[0])
        scores = engine.slide(hop, window) if number else engine.invoke(window)
        wheel.set_input(window, 0)
        wheel.invoke()
        np.testing.assert_array_equal(scores, wheel.get_output(0))


def test_short_kernels_of_a_mixed_convolution_stay_short_while_it_trains():
    from tf_keras import layers, losses

    model = find("mixed_conv_s")(*USUAL["mixed_conv_s"], 0.2)
    kernels = [n for n in model.layers if isinstance(n, layers.DepthwiseConv2D)]

    def lengths():
        """Of each kernel, how many rows each channel uses."""
        used = [np.abs(n.depthwise_kernel.numpy()[:, 0, :, 0]) > 0 for n in kernels]
        return [set(len(u) - np.argmax(u, axis=0)) for u in used]

    published = [{5}, {7, 11}, {9, 15}, {23}]
    assert lengths() == published
    model.compile("sgd", losses.SparseCategoricalCrossentropy())
    before = kernels[1].depthwise_kernel.numpy()
    model.fit(features("mixed_conv_s"), np.arange(8) % 2, verbose=0)
    assert (kernels[1].depthwise_kernel.numpy() != before).any()
    assert lengths() == published


@pytest.mark.parametrize("frames", [5, 49, 98, 157, 158])
def test_a_mixed_convolution_fits_a_window_of_any_length(frames):
    model = find("mixed_conv_s")(frames, 40, 3, 0.2)
    assert model.output_shape == (None, 3)
    assert model.layers[-4].output_shape[1] >= 1


def test_windows_too_short_for_a_network_are_refused():
    for name, shortest in (("mixed_conv_s", 5), ("ds_cnn_stream_s", 26)):
        find(name)(shortest, 40, 2, 0.2)
        with pytest.raises(UserError, match=f"{shortest} frames or more, not {shortest - 1}"):
            find(name)(shortest - 1, 40, 2, 0.2)
