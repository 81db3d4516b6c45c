"""Training end to end on next to nothing: what it writes, and what it leaves alone."""

import dataclasses
import json

import numpy as np
import pytest
import tflite_micro

from host.compile.engine import HostModel
from host.compile.metadata import read_metadata
from host.errors import UserError
from host.paths import MODELS
from host.spec import load
from host.train import train
from host.train.architectures import find

pytestmark = pytest.mark.slow


def tiny(**changes):
    """The fire-alarm spec with a handful of clips and one epoch."""
    spec = load(MODELS / "fire_alarm")
    data = dataclasses.replace(spec.data, train_clips=24, validate_clips=8, test_clips=12)
    learning = dataclasses.replace(spec.train, epochs=1, batch=8)
    model = dataclasses.replace(spec.model, **changes)
    return dataclasses.replace(spec, data=data, train=learning, model=model)


@pytest.mark.parametrize("architecture", ["esc_cnn", "alarm_cnn", "strided_cnn"])
def test_every_architecture_trains_to_int8_equal_to_the_wheel(architecture, tmp_path):
    metrics = train(tiny(architecture=architecture), tmp_path)
    data = (tmp_path / "fire_alarm.tflite").read_bytes()
    assert read_metadata(data)["classes"] == ["background", "fire_alarm"]
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    assert np.sum(metrics["confusion"]) == 12
    engine, wheel = HostModel(data), tflite_micro.runtime.Interpreter.from_bytes(data)
    kernels = {step["name"] for step in engine.compiled.report["operations"]}
    assert not kernels & {"MUL", "ADD", "QUANTIZE"}, "something did not fold"
    rng = np.random.default_rng(1)
    for _ in range(10):
        x = rng.integers(-128, 128, (1, 124, 129, 1)).astype(np.int8)
        wheel.set_input(x, 0)
        wheel.invoke()
        np.testing.assert_array_equal(engine.invoke(x), wheel.get_output(0))


def broken(frames, bands, classes, dropout):
    """A network whose loss is no number from the start."""
    from tf_keras import Sequential, layers

    nan = layers.Dense(classes, activation="softmax", bias_initializer=lambda *a, **k: [np.nan] * 2)
    return Sequential([layers.Input((frames, bands, 1)), layers.Flatten(), nan])


def test_a_training_that_fails_says_why_and_leaves_what_was_there(tmp_path):
    for name in ("fire_alarm.tflite", "metrics.json", "report.html"):
        (tmp_path / name).write_text("earlier")
    with pytest.raises(UserError, match="diverged in epoch 1: lower") as error:
        train(tiny(), tmp_path, architecture=broken)
    assert "\n" not in error.value.message
    assert {f.name: f.read_text() for f in tmp_path.iterdir()} == {
        "fire_alarm.tflite": "earlier",
        "metrics.json": "earlier",
        "report.html": "earlier",
    }


def test_the_articles_network_has_its_number_of_parameters():
    import os

    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    assert find("esc_cnn")(124, 129, 50, 0.2).count_params() == 14_970
    assert find("alarm_cnn")(124, 129, 2, 0.2).count_params() == 14_490


def test_architectures_are_found_by_name_or_by_module():
    assert find("esc_cnn").__name__ == "esc_cnn"
    assert find("host.train.architectures.esc_cnn:esc_cnn") is find("esc_cnn")
    for name in ("esc_cn", "no.such.module:f", "host.train:nothing"):
        with pytest.raises(UserError, match="architecture"):
            find(name)
