"""Training end to end with minimal data: the files it writes, and those it leaves alone."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import tflite_micro

from otolith.compile.engine import HostModel
from otolith.compile.metadata import read_metadata
from otolith.errors import UserError
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.train import train
from otolith.train.architectures import find
from otolith.train.lock import training
from support.small_training import few, networks_checked_once
from support.soak import depth

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def checked():
    with networks_checked_once():
        yield


def tiny(**changes):
    """The fire-alarm spec with a few clips and one epoch."""
    spec = few(load(MODELS / "fire_alarm"))
    return dataclasses.replace(spec, model=dataclasses.replace(spec.model, **changes))


ARCHITECTURES = depth(["alarm_cnn"], ["alarm_cnn", "esc_cnn", "strided_cnn"])


@pytest.mark.deep
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_trains_to_int8_equal_to_the_wheel(architecture, tmp_path):
    metrics = train(tiny(architecture=architecture), tmp_path)
    data = (tmp_path / "fire_alarm.tflite").read_bytes()
    assert read_metadata(data).classes == ("background", "fire_alarm")
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics.to_json()
    assert np.sum(metrics.confusion) == 12
    engine, wheel = HostModel(data), tflite_micro.runtime.Interpreter.from_bytes(data)
    kernels = {step.operation for step in engine.compiled.schedule.calls}
    assert not kernels & {"MUL", "ADD", "QUANTIZE"}, "something did not fold"
    rng = np.random.default_rng(1)
    for _ in range(10):
        x = rng.integers(-128, 128, (1, 124, 129, 1)).astype(np.int8)
        wheel.set_input(x, 0)
        wheel.invoke()
        np.testing.assert_array_equal(engine.invoke(x), wheel.get_output(0))


def not_a_number(weights):
    """A penalty that makes the loss NaN."""
    return 0.0 * weights[0, 0] + np.nan


def broken(frames, bands, classes, dropout):
    """A network whose loss is NaN from the start."""
    from tf_keras import Sequential, layers

    out = layers.Dense(classes, activation="softmax", kernel_regularizer=not_a_number)
    return Sequential([layers.Input((frames, bands, 1)), layers.Flatten(), out])


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


def too_small(frames, bands, classes, dropout):
    """Builds nothing, because the input is too small."""
    raise ValueError("nothing left after pooling\nand a second line")


def three_scores(frames, bands, classes, dropout):
    """A network with one output too many."""
    from tf_keras import Sequential, layers

    return Sequential([layers.Input((frames, bands, 1)), layers.Flatten(), layers.Dense(3)])


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (too_small, "no network for 124 x 129 values: nothing left after pooling$"),
        (three_scores, r"gives \(3,\), not 2 scores"),
        (lambda *_: 3, "gave int, not a tf_keras Model"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_in_one_line(build, said, tmp_path):
    with pytest.raises(UserError, match=said):
        train(tiny(), tmp_path, architecture=build)
    assert not any(tmp_path.iterdir())


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "metrics.json").write_text("earlier")
    # the package attribute of this name is the function
    module = sys.modules["otolith.train.save"]
    # a lone surrogate can't be encoded
    monkeypatch.setattr(module, "training_report", lambda *_: "\ud800")
    with pytest.raises(UnicodeEncodeError):
        train(tiny(), tmp_path)
    # The checkpoint stays, so --resume need not train again.
    assert {f.name for f in tmp_path.iterdir()} == {"metrics.json", "checkpoint.npz"}
    assert (tmp_path / "metrics.json").read_text() == "earlier"


HOLD = """
import sys
from pathlib import Path
from otolith.train.lock import training
with training(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_training_of_a_model_says_so_and_stops(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="another training of this model is running"):
            train(tiny(), tmp_path)
        first.kill()  # the lock ends with its process
    with training(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_seed_gives_the_same_bytes(tmp_path):
    one, two = train(tiny(), tmp_path / "one"), train(tiny(), tmp_path / "two")
    assert one.hash == two.hash
    assert (tmp_path / "one/fire_alarm.tflite").read_bytes() == (
        tmp_path / "two/fire_alarm.tflite"
    ).read_bytes()


def test_the_articles_network_has_its_number_of_parameters():
    import os

    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    assert find("esc_cnn")(124, 129, 50, 0.2).count_params() == 14_970
    assert find("alarm_cnn")(124, 129, 2, 0.2).count_params() == 14_490
