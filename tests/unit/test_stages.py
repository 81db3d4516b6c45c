"""The stages of training, called one after another as in a notebook."""

import dataclasses
import json

import numpy as np
import pytest

from otolith.compile import model_hash
from otolith.compile.metadata import read_metadata
from otolith.errors import UserError
from otolith.features import extract
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.train.examples import Examples
from otolith.train.fit import fit
from otolith.train.judge import judge, rising
from otolith.train.prepare import Prepared, prepare
from otolith.train.quantise import quantise
from otolith.train.save import save

pytestmark = pytest.mark.slow


def network(frames, bands, classes, dropout):
    """The smallest possible network."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((frames, bands, 1)),
            layers.MaxPooling2D(16),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def hidden(frames, bands, classes, dropout):
    """A network with a hidden layer."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((frames, bands, 1)),
            layers.MaxPooling2D(16),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def prepared():
    spec = load(MODELS / "fire_alarm")
    data = dataclasses.replace(spec.data, train_clips=48, validate_clips=8, test_clips=12)
    train = dataclasses.replace(spec.train, epochs=3, batch=8, balance="undersample", cap=20)
    spec = dataclasses.replace(spec, data=data, train=train)
    with prepare(spec) as prepared:
        yield prepared


def test_the_arrays_have_one_owner_and_nobody_changes_them(prepared):
    assert prepared.counts == {"train": 40, "validate": 8, "test": 12}
    test, sounds = prepared.test, prepared.sounds
    assert test.values.dtype == np.int16 and test.values.shape == (12, 124, 129)
    settings = prepared.spec.features
    np.testing.assert_array_equal(test.values[5], extract(sounds.pcm[5], settings))
    before = [prepared.train.values.copy(), prepared.validate.values.copy(), test.values.copy()]
    fitted = fit(prepared, architecture=network)
    judge(prepared, fitted, quantise(prepared, fitted))
    after = [prepared.train.values, prepared.validate.values, test.values]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(dataclasses.FrozenInstanceError):
        prepared.train = test


def test_one_stage_after_another_gives_a_model(prepared, tmp_path):
    steps = []
    fitted = fit(prepared, lambda name, *_: steps.append(name), architecture=network)
    assert fitted.epochs == len(fitted.history["loss"]) == 3 and not fitted.stopped
    tflite = quantise(prepared, fitted)
    assert read_metadata(tflite).classes == ("background", "fire_alarm")
    judged = judge(prepared, fitted, tflite)
    metrics = judged.metrics
    assert metrics.hash == model_hash(tflite) and np.sum(metrics.confusion) == 12
    assert metrics.baseline.accuracy == 0.5 and metrics.baseline.label == "background"
    assert judged.clips.accuracy == pytest.approx(metrics.clip_accuracy, abs=1e-6)
    assert (
        len(judged.clips.audio)
        == len(judged.clips.wrong)
        == round(12 * (1 - metrics.clip_accuracy))
    )
    assert all(sound.startswith(b"fLaC") for sound in judged.clips.audio.values())
    assert any("the test set is small: 12 clips" in line for line in metrics.warnings)
    save(prepared, fitted, tflite, judged, tmp_path)
    assert (tmp_path / "fire_alarm.tflite").read_bytes() == tflite
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics.to_json()
    page = (tmp_path / "report.html").read_text()
    assert "always answering background" in page and page.count("<audio") == len(judged.clips.audio)
    assert set(steps) == {"training"}


def test_a_stage_called_again_gives_the_same_bytes(prepared):
    one, two = (
        quantise(prepared, fitted)
        for fitted in (fit(prepared, architecture=network) for _ in range(2))
    )
    assert one == two


def examples(count, seed):
    """Noise, in which 37.5 % of the windows have a louder band somewhere."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 8 >= 5).astype(int)
    values = rng.integers(0, 1000, (count, 16, 129)).astype(np.int16)
    for row, label in zip(values, labels, strict=True):
        band = 16 * rng.integers(0, 8)
        if label:
            row[:, band : band + 16] += 3000
    return Examples(values, labels, np.arange(count))


def test_a_small_set_is_trained_until_it_is_learned():
    """After twenty epochs it is no better than always answering the larger class.

    A fixed number of updates trains it long enough.
    """
    spec = load(MODELS / "fire_alarm")
    spec = dataclasses.replace(spec, features=dataclasses.replace(spec.features, frames=16))
    by_updates = dataclasses.replace(
        spec.train, epochs=0, updates=400, batch=64, balance="none", learning_rate=0.0004
    )
    sets = [examples(count, seed) for seed, count in enumerate((128, 64, 128))]
    found = []
    for settings in (dataclasses.replace(by_updates, epochs=20), by_updates):
        one = Prepared(dataclasses.replace(spec, train=settings), *sets, None)
        fitted = fit(one, architecture=hidden)
        found.append((fitted, judge(one, fitted, quantise(one, fitted)).metrics))
    (short, poor), (long, good) = found
    assert short.epochs == 20 and poor.int8_accuracy < 0.75
    assert any("not clearly better than always answering" in line for line in poor.warnings)
    assert 20 < long.epochs <= 200 and good.int8_accuracy > 0.85
    assert poor.baseline.accuracy == good.baseline.accuracy == 0.625
    assert not any("always answering" in line for line in good.warnings)


def test_warnings_of_a_training(prepared):
    flat = [0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]
    assert rising(flat) == 0 and rising([0.1, 0.9]) == 0
    assert rising([0.5] * 6 + [0.6, 0.6, 0.7, 0.7]) == pytest.approx(10)


def test_a_set_without_sounds_of_a_class_is_one_line(monkeypatch, prepared):
    spec = prepared.spec

    def windows(*_):
        empty = dataclasses.replace(prepared.sounds, labels=np.zeros(12, int))
        return {"train": prepared.sounds, "validate": empty, "test": prepared.sounds}

    monkeypatch.setattr("otolith.train.prepare.load_windows", windows)
    with pytest.raises(UserError, match="the validate set has no sound of class fire_alarm"):
        prepare(spec)
