"""Training with all its options on minimal data: transfer, variants, early stopping, QAT."""

import dataclasses
import io
import json

import numpy as np
import pytest
import tflite_micro
from rich.console import Console

from otolith.augment.settings import parse
from otolith.compile import analyse_model
from otolith.compile.engine import HostModel
from otolith.data.windows import Windows
from otolith.errors import UserError
from otolith.features import extract
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.train import How, train
from otolith.train import run as training
from otolith.train.checkpoint import Checkpoint, State
from otolith.train.examples import Maker, Variants
from otolith.train.feasible import untrained
from otolith.train.learning import Watch
from support.evaluate_case import host
from support.full_disk import full_disk
from support.small_training import few, few_text, networks_checked_once

pytestmark = pytest.mark.slow
SETTINGS = load(MODELS / "fire_alarm").features


@pytest.fixture(scope="module", autouse=True)
def checked():
    with networks_checked_once():
        yield


def tiny(train_=None, quantize=None, augment=None, architecture="micro_speech"):
    """The fire-alarm spec with a few clips, one epoch and a small network."""
    spec = few(load(MODELS / "fire_alarm"), **(train_ or {}))
    quantising = dataclasses.replace(spec.quantize, **(quantize or {}))
    sections = parse(augment, "spec") if augment else []
    augmenting = dataclasses.replace(spec.augment, sections=sections)
    model = dataclasses.replace(spec.model, architecture=architecture)
    return dataclasses.replace(spec, model=model, quantize=quantising, augment=augmenting)


def run(spec, out):
    return train(spec, out, Console(file=io.StringIO()))


def equals_the_wheel(file):
    data = file.read_bytes()
    engine, wheel = HostModel(data), tflite_micro.runtime.Interpreter.from_bytes(data)
    rng = np.random.default_rng(1)
    for _ in range(5):
        x = rng.integers(-128, 128, (1, 124, 129, 1)).astype(np.int8)
        wheel.set_input(x, 0)
        wheel.invoke()
        np.testing.assert_array_equal(engine.invoke(x), wheel.get_output(0))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A trained fire alarm beside its spec."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "spec.toml").write_text((MODELS / "fire_alarm" / "spec.toml").read_text())
    run(tiny(architecture="alarm_cnn"), folder)
    return folder


def test_summarize_counts_what_keras_counted(base):
    metrics = json.loads((base / "metrics.json").read_text())
    found = json.loads(host("summarize", base, "--json").stdout)
    assert {key: found[key] for key in ("parameters", "macs", "hash")} == {
        key: metrics[key] for key in ("parameters", "macs", "hash")
    }


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_a_base_gets_a_new_head(base, tmp_path, output):
    options = {"base": str(base), "head_epochs": 2, "head_layers": [8], "head_norm": True}
    metrics = run(tiny({**options, "output": output}), tmp_path)
    assert len(metrics.history["loss"]) == 2 + 1
    equals_the_wheel(tmp_path / "fire_alarm.tflite")
    (shape,) = [
        o.shape for o in HostModel((tmp_path / "fire_alarm.tflite").read_bytes()).network.outputs
    ]
    assert shape[-1] == (1 if output == "sigmoid" else 2)
    assert np.sum(metrics.confusion) == 12


def test_the_body_is_frozen_while_the_head_learns(base):
    import tf_keras
    from tf_keras import models

    from otolith.train.transfer import body_of, freeze, head_of, new_head, read_base

    spec = tiny({"base": str(base), "head_layers": [4]})
    body = body_of(tf_keras, read_base(tf_keras, spec)[0])
    model = new_head(tf_keras, body, head_of(spec))
    freeze(tf_keras, body, True)
    before = [w.numpy() for w in body.weights]
    model.compile("adam", "sparse_categorical_crossentropy")
    x = np.random.default_rng(1).random((8, 124, 129, 1), np.float32)
    model.fit(x, np.arange(8) % 2, epochs=2, verbose=0)
    assert all((a == b.numpy()).all() for a, b in zip(before, body.weights, strict=True))
    freeze(tf_keras, body, False)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, np.arange(8) % 2, epochs=2, verbose=0)
    assert any((a != b.numpy()).any() for a, b in zip(before, body.weights, strict=True))
    assert isinstance(model, models.Model)


def test_a_base_that_is_not_there_or_hears_otherwise_is_one_line(base, tmp_path):
    (tmp_path / "spec.toml").write_text((base / "spec.toml").read_text())
    with pytest.raises(UserError, match="the base is not trained: host train"):
        run(tiny({"base": str(tmp_path)}), tmp_path / "out")
    spec = tiny({"base": str(base)})
    other = dataclasses.replace(spec.features, compress="linear")
    with pytest.raises(UserError, match=r"its \[features\] differ"):
        run(dataclasses.replace(spec, features=other), tmp_path / "out")


def test_another_base_may_be_named_on_the_command_line(tmp_path):
    (tmp_path / "spec.toml").write_text((MODELS / "noise_baseline" / "spec.toml").read_text())
    done = host("train", MODELS / "fire_alarm_transfer", "--base", tmp_path, "--out", tmp_path)
    assert done.exit_code == 1
    where = tmp_path / "noise_baseline.weights.safetensors"
    assert f"Error: {where}: the base is not trained: host train {tmp_path}" in done.output


def test_quantisation_aware_training_gives_int8_equal_to_the_wheel(tmp_path):
    metrics = run(tiny(quantize={"mode": "qat", "epochs": 1}), tmp_path)
    assert metrics.quantisation == "qat"
    equals_the_wheel(tmp_path / "fire_alarm.tflite")


def test_augmented_training_repeats_itself_and_says_how_long_it_waited(tmp_path):
    table = {"gain": {"probability": 1.0}, "time_mask": {}, "noise": {"snr_db": [5, 20]}}
    spec = tiny({"epochs": 2, "variants": 2}, augment=table)
    one = run(spec, tmp_path / "one")
    two = run(spec, tmp_path / "two")
    plain = run(tiny({"epochs": 2, "variants": 2}), tmp_path / "three")
    assert one.hash == two.hash != plain.hash
    assert 0 <= one.data_wait < 1
    assert "waiting for data" in (tmp_path / "one" / "report.html").read_text()


def test_training_ends_early_and_says_so(tmp_path):
    spec = tiny({"threshold": 0.01, "patience": 1, "epochs": 5})
    metrics = run(spec, tmp_path)
    assert len(metrics.history["loss"]) == 1 and metrics.stopped.startswith("epoch 1:")
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics.to_json()


# ---- examples ----


@pytest.fixture
def windows():
    rng = np.random.default_rng(3)
    pcm = rng.normal(0, 2000, (600, SETTINGS.samples)).astype(np.int16)
    return Windows(pcm, np.arange(600) % 2, np.arange(600))


def test_features_are_those_of_the_chip_and_come_from_the_cache_next_time(windows, tmp_path):
    maker = Maker(SETTINGS, tmp_path)
    made = maker.make(windows)
    np.testing.assert_array_equal(made.values[7], extract(windows.pcm[7], SETTINGS))
    np.testing.assert_array_equal(made.labels, windows.labels)
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    again = maker.make(windows)
    np.testing.assert_array_equal(again.values, made.values)
    assert file.stat().st_mtime_ns != before  # recently used, so kept longest
    file.write_bytes(file.read_bytes()[:1000])
    np.testing.assert_array_equal(maker.make(windows).values, made.values)
    maker.close()


def test_another_sound_or_setting_is_not_taken_from_the_cache(windows, tmp_path):
    maker = Maker(SETTINGS, tmp_path)
    maker.make(windows)
    windows.pcm[3, 100] += 1
    maker.make(windows)
    Maker(dataclasses.replace(SETTINGS, compress="linear"), tmp_path).make(windows)
    assert len(list(tmp_path.iterdir())) == 3


def test_epochs_take_turns_with_the_variants(windows, tmp_path):
    from otolith.augment.pipeline import Augmenter

    spec = tiny({"variants": 2})
    augmenter = Augmenter(parse({"gain": {"probability": 1.0}}, "spec"), ["a", "b"])
    maker = Maker(SETTINGS, tmp_path)
    variants = Variants(maker, windows, augmenter, spec, lambda labels: np.arange(20))
    epochs = [variants.epoch(number).values for number in range(4)]
    np.testing.assert_array_equal(epochs[0], epochs[2])
    np.testing.assert_array_equal(epochs[1], epochs[3])
    assert (epochs[0] != epochs[1]).any()
    assert len(epochs[0]) == 20 and len(variants.waited) == 4
    variants.close()
    maker.close()


# ---- before time is spent ----


def huge(frames, bands, classes, dropout):
    """A network with more weights than a Pico has flash."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((frames, bands, 1)),
            layers.Flatten(),
            layers.Dense(160),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def test_a_network_too_large_for_the_board_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "otolith.train.prepare.load_windows", lambda *_: pytest.fail("time was spent")
    )
    told = (
        r"on pico: does not fit: [\d,]+ bytes of flash too much; layer 0 FULLY_CONNECTED has "
        r"[\d,]+ of [\d,]+ bytes of weights: fewer \[features\] frames, .*; it fits "
    )
    with pytest.raises(UserError, match=told):
        train(tiny(), tmp_path, Console(file=io.StringIO()), architecture=huge)
    with pytest.raises(UserError, match=r"no board 'pica': did you mean pico\? The boards are "):
        train(tiny(), tmp_path, Console(file=io.StringIO()), how=How(board="pica"))
    assert not list(tmp_path.iterdir())


def deep(frames, bands, classes, dropout):
    """So many layers with small weights that all scores are below 1e-8 before training."""
    from tf_keras import Sequential, layers

    thin = [layers.Conv2D(4, 1, kernel_initializer="random_normal") for _ in range(12)]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax")]
    pool = layers.AveragePooling2D(8)
    return Sequential([layers.Input((frames, bands, 1)), pool, *thin, *head])


def test_a_deep_network_is_judged_before_training():
    analysis = analyse_model(untrained(tiny(), deep), "deep")
    softmax = analysis.calls[-1]
    assert softmax.operation == "SOFTMAX" and len(analysis.calls) > 12
    assert analysis.network.graph.tensors[softmax.inputs[0]].scale > 1e-6  # 8e-9, or less


def test_a_dry_run_proves_the_spec_and_writes_nothing(tmp_path):
    said = io.StringIO()
    metrics = train(tiny(), tmp_path, Console(file=said), how=How(dry=True))
    assert sum(map(sum, metrics.confusion)) == 12
    assert "the spec works" in said.getvalue() and "nothing was written" in said.getvalue()
    assert not list(tmp_path.iterdir())


# ---- stopping and going on ----


def test_a_full_disk_is_one_line_at_each_stage_and_resume_goes_on(base, tmp_path, monkeypatch):
    """The checkpoint fails, then the model's files: what was there stays."""
    text = few_text((base / "spec.toml").read_text())
    (tmp_path / "spec.toml").write_text(text.replace("alarm_cnn", "micro_speech"))
    out = tmp_path / "out"
    out.mkdir()
    old = {"fire_alarm.tflite": "old model", "metrics.json": "{}", "report.html": "old"}
    for name, told in old.items():
        (out / name).write_text(told)
    stages = (Checkpoint, "save"), (training, "save")
    for number, (place, name) in enumerate(stages):
        real = getattr(place, name)

        def full(*arguments, real=real):
            with full_disk(64):
                return real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(place, name, full)
            done = host("train", tmp_path, "--out", out)
        assert isinstance(done.exception, SystemExit) and done.exit_code == 1, done.output
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
        assert len(errors) == 1 and "can't write" in errors[0] and "Traceback" not in done.output
        assert {name: (out / name).read_text() for name in old} == old
        others = {p.name for p in out.iterdir()} - set(old)
        assert others == ({"checkpoint.npz"} if number else set()), (name, others)
    assert host("train", tmp_path, "--out", out, "--resume").exit_code == 0
    assert not (out / "checkpoint.npz").exists() and (out / "metrics.json").read_text() != "{}"


class Interrupted(Watch):
    """Simulates Ctrl-C in the third epoch."""

    def epoch_done(self, epoch, logs, weights):
        if epoch == 3:
            raise KeyboardInterrupt
        super().epoch_done(epoch, logs, weights)


def test_ctrl_c_keeps_the_best_network_and_resume_goes_on(tmp_path, monkeypatch):
    spec = tiny({"epochs": 4})
    with monkeypatch.context() as patch:
        patch.setattr("otolith.train.fit.Watch", Interrupted)
        stopped = run(spec, tmp_path)
    assert stopped.stopped == "interrupted after epoch 2"
    assert len(stopped.history["loss"]) == 2
    equals_the_wheel(tmp_path / "fire_alarm.tflite")
    went_on = train(spec, tmp_path, Console(file=io.StringIO()), how=How(resume=True))
    assert went_on.history["loss"][:2] == stopped.history["loss"]
    assert len(went_on.history["loss"]) == 4 and not went_on.stopped
    assert not (tmp_path / "checkpoint.npz").exists()


def test_ctrl_c_in_the_first_epoch_leaves_nothing(tmp_path, monkeypatch):
    class AtOnce(Watch):
        def epoch_done(self, epoch, logs, weights):
            raise KeyboardInterrupt

    monkeypatch.setattr("otolith.train.fit.Watch", AtOnce)
    with pytest.raises(KeyboardInterrupt):
        run(tiny(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_resume_goes_on_with_fine_tuning(base, tmp_path, monkeypatch):
    spec = tiny({"base": str(base), "head_epochs": 1, "epochs": 4})
    with monkeypatch.context() as patch:
        patch.setattr("otolith.train.fit.Watch", Interrupted)
        assert len(run(spec, tmp_path).history["loss"]) == 1 + 2
    went_on = train(spec, tmp_path, Console(file=io.StringIO()), how=How(resume=True))
    assert len(went_on.history["loss"]) == 1 + 4


def test_resume_without_a_checkpoint_or_with_another_spec_is_one_line(tmp_path):
    with pytest.raises(UserError, match="there is no training to resume: start again"):
        train(tiny(), tmp_path, how=How(resume=True))
    (tmp_path / "checkpoint.npz").write_bytes(b"PK\3\4 and then noise")
    with pytest.raises(UserError, match="not a checkpoint"):
        train(tiny(), tmp_path, how=How(resume=True))
    state = State(0, 1, 1, 0.9, 0.5, 0, "", {}, [np.ones(3)], [np.zeros(2)], [np.ones(())])
    Checkpoint(tmp_path / "checkpoint.npz", tiny()).save(state)
    loaded = Checkpoint(tmp_path / "checkpoint.npz", tiny({"epochs": 9})).load()
    np.testing.assert_array_equal(loaded.best[0], [0, 0])
    with pytest.raises(UserError, match="the spec has changed since"):
        train(tiny({"learning_rate": 0.5}), tmp_path, how=How(resume=True))
