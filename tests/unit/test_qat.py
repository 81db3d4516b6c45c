"""Quantisation-aware training on a toy task, compared with quantisation after training."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from otolith.compile.engine import HostModel
from otolith.errors import UserError
from otolith.train import qat
from otolith.train.architectures import find
from otolith.train.convert import to_int8

FRAMES, BANDS, CLASSES = 40, 16, 5


def task(count, seed):
    """Chirps in noise with a click. The class is how fast the tone rises; the level varies."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    time, band = np.arange(FRAMES)[:, None], np.arange(BANDS)
    x = rng.normal(0, 0.7, (count, FRAMES, BANDS, 1))
    for one, label in zip(x, labels, strict=True):
        centre = rng.uniform(0, BANDS) + (label - 2) * 0.2 * (time - FRAMES / 2)
        distance = (band - centre + BANDS / 2) % BANDS - BANDS / 2
        one[rng.integers(0, FRAMES)] += rng.uniform(0, 300)
        one[..., 0] += rng.uniform(1, 4) * np.exp(-(distance**2))
    return x.astype(np.float32), labels


def scores_of(data, x):
    engine = HostModel(data)
    source, result = engine.network.inputs[0], engine.network.outputs[0]
    q = np.clip(np.rint(x / np.float64(source.scale)) + source.zero_point, -128, 127).astype(
        np.int8
    )
    raw = np.array([engine.invoke(one).ravel() for one in q], np.int32)
    return (raw - result.zero_point) * float(result.scale)


def accuracy(scores, labels):
    return float((scores.argmax(1) == labels).mean())


def cost(scores, labels):
    """Mean cross-entropy."""
    return float(-np.log(np.maximum(scores[np.arange(len(labels)), labels], 1 / 256)).mean())


def network(architecture="strided_cnn"):
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    return find(architecture)(FRAMES, BANDS, CLASSES, 0.1)


def statistics(model):
    """The means and variances of every batch norm."""
    found = [v.numpy() for v in model.weights if "/moving_" in v.name]
    return np.concatenate([v.ravel() for v in found])


@pytest.mark.soak
def test_after_quantisation_aware_training_int8_does_what_was_measured():
    """QAT recovers part of what int8 conversion loses.

    Clicks far above the sound make the input's quantisation steps coarse, which costs accuracy.
    """
    x, labels = task(2000, 1)
    model, picked = network(), x[:200]
    qat.fine_tune(model, x, labels, epochs=15, batch=32, learning_rate=3e-3)
    aware = qat.quantization_aware(model, picked)
    start = statistics(aware)
    validation = task(500, 3)
    before = aware_loss(aware, *validation)
    curves = qat.fine_tune(aware, x, labels, epochs=4, learning_rate=3e-4, validation=validation)
    assert curves["loss"][-1] < curves["loss"][0]
    assert aware_loss(aware, *validation) < before
    np.testing.assert_array_equal(statistics(aware), start)

    x, labels = task(1000, 2)
    plain, careful = scores_of(to_int8(model, picked), x), scores_of(qat.to_int8(aware), x)
    measured = aware.predict(x, verbose=0)
    assert np.abs(careful - measured).mean() < 0.005
    assert accuracy(careful, labels) == pytest.approx(accuracy(measured, labels), abs=0.01)
    assert accuracy(careful, labels) >= accuracy(plain, labels)
    assert cost(careful, labels) < cost(plain, labels)


def aware_loss(aware, x, labels):
    return cost(aware.predict(x, verbose=0), labels)


def test_fine_tuning_keeps_the_start_if_nothing_was_better():
    x, _ = task(200, 1)
    model = network("micro_speech")
    aware = qat.quantization_aware(model, x)
    start = aware.predict(x, verbose=0)
    none_right = (x, (np.argmax(start, 1) + 1) % CLASSES)
    qat.fine_tune(aware, x, np.argmax(start, 1), validation=none_right, learning_rate=1e-2)
    np.testing.assert_array_equal(aware.predict(x, verbose=0), start)


def test_a_loss_that_is_no_number_is_said():
    x, labels = task(64, 1)
    aware = qat.quantization_aware(network("micro_speech"), x)
    with pytest.raises(UserError, match=r"diverged in epoch 1"):
        qat.fine_tune(aware, x, labels, loss=lambda y, scores: scores * np.nan)


def test_ranges_come_from_the_data():
    x, _ = task(100, 1)
    model = network("micro_speech")
    aware = qat.quantization_aware(model, x)
    first = {v.name.rpartition("_")[2]: float(v.numpy()) for v in aware.layers[0].weights}
    assert (first["min:0"], first["max:0"]) == (x.min(), x.max())
    hidden = aware.layers[1]
    reach = {v.name.split("/")[-1]: float(v.numpy()) for v in hidden.weights if v.shape.rank == 0}
    from tf_keras import Model

    inside = Model(model.input, model.layers[0].output).predict(x, verbose=0)
    assert reach["post_activation_max:0"] == pytest.approx(inside.max(), rel=1e-5)


def test_networks_it_can_not_do_are_refused_in_one_line():
    from tf_keras import Sequential, layers

    def ending(*more):
        end = [layers.Flatten(), layers.Dense(2, activation="softmax")]
        return Sequential([layers.Input((8, 4, 1)), *more, *end])

    refused = [
        (ending(layers.Lambda(lambda x: x * 2, name="twice")), "layer twice is Lambda"),
        (ending(Sequential([layers.ReLU()], name="body")), "layer body is a model of its own"),
        (ending(layers.LayerNormalization()), "can't do this network: "),
    ]
    for model, said in refused:
        with pytest.raises(UserError, match=said) as error:
            qat.quantization_aware(model)
        assert "\n" not in error.value.message


@pytest.mark.soak  # test_architectures.py trains a depthwise network quantised
def test_channels_of_a_depthwise_kernel_are_made_to_reach_alike():
    """Afterwards one scale suits all channels, as separate scales do in the .tflite."""
    import tf_keras

    model, (x, _) = network(), task(50, 1)
    kernel = next(v for v in model.weights if "depthwise_kernel" in v.name)
    kernel.assign(kernel * np.geomspace(0.01, 10, kernel.shape[2])[:, None].astype(np.float32))
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(x, training=True)
    scores, before = model.predict(x, verbose=0), model.get_weights()

    twin = qat._even(model)
    np.testing.assert_allclose(twin.predict(x, verbose=0), scores, atol=1e-5)
    evened = next(v for v in twin.weights if "depthwise_kernel" in v.name).numpy()
    np.testing.assert_allclose(np.abs(evened).max((0, 1, 3)), 1, rtol=1e-6)

    aware = qat.quantization_aware(model, x)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    careful, plain = scores_of(qat.to_int8(aware), x), scores_of(to_int8(model, x), x)
    # the error is 1.6 times as large if the kernels are left as they are
    assert np.abs(careful - scores).mean() < 1.2 * np.abs(plain - scores).mean()


def test_what_differs_from_a_mean_is_quantised_with_a_scale_of_its_own():
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(1)
    inputs = layers.Input((FRAMES, BANDS, 1))
    mean = layers.AveragePooling2D((FRAMES, 1))(inputs)
    x = layers.Conv2D(8, 3, activation="relu")(layers.Subtract()([inputs, mean]))
    scores = layers.Dense(CLASSES, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = tf_keras.Model(inputs, scores)
    features = task(64, 3)[0] + 40  # far from zero, like log energies
    data = qat.to_int8(qat.quantization_aware(model, features))
    assert [step.operation for step in HostModel(data).compiled.schedule.calls].count("SUB") == 1
    error = np.abs(scores_of(data, features) - model.predict(features, verbose=0))
    assert error.mean() < 0.02
