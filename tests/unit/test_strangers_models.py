"""Untrusted model folders: no code in them runs unless the user allows it."""

import dataclasses
import json
import os
import struct
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from otolith.errors import UserError
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.train import transfer
from otolith.train.architectures import find
from otolith.train.weights import (
    KEY,
    Blueprint,
    Head,
    put_weights,
    read_weights,
    weights_file,
    write_weights,
)
from support.evaluate_case import host

HEAD = Head(3, (8,), True, 0.1, "softmax")
PLAN = Blueprint("alarm_cnn", 124, 129, 2, 0.2)


def network(plan=PLAN):
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    return transfer.build(tf_keras, plan)


def spec_in(folder: Path, **changes: str) -> Path:
    """The fire alarm's spec in a folder, with some lines changed."""
    text = (MODELS / "fire_alarm" / "spec.toml").read_text()
    for key, new in changes.items():
        assert f"\n{key} =" in text
        lines = text.splitlines()
        lines = [f"{key} = {new}" if line.startswith(f"{key} =") else line for line in lines]
        text = "\n".join(lines) + "\n"
    folder.mkdir(exist_ok=True)
    (folder / "spec.toml").write_text(text)
    return folder


# ---- weights ----


@pytest.mark.slow
@pytest.mark.parametrize("heads", [(), (HEAD,), (HEAD, Head(2, (), False, 0.0, "sigmoid"))])
def test_a_network_comes_back_from_its_weights_alone(heads, tmp_path):
    plan = dataclasses.replace(PLAN, heads=heads)
    first, file = network(plan), tmp_path / "a.weights.safetensors"
    for variable in first.weights:  # includes batch-norm statistics
        variable.assign(np.random.default_rng(1).random(variable.shape) + 0.5)
    write_weights(file, first, plan)
    again, arrays = read_weights(file)
    assert again == plan
    second = network(again)
    put_weights(second, arrays, file)
    x = np.random.default_rng(2).random((4, 124, 129, 1)).astype(np.float32)
    np.testing.assert_array_equal(first.predict(x, verbose=0), second.predict(x, verbose=0))


def test_half_floats_keep_a_network_almost_as_it_is(tmp_path):
    first = network(PLAN)
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    write_weights(whole, first, PLAN)
    write_weights(half, first, PLAN, half=True)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    plan, arrays = read_weights(half)
    assert plan == PLAN
    for array, exact in zip(arrays, first.get_weights(), strict=True):
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, exact, rtol=1e-3, atol=1e-7)


@pytest.mark.slow
def test_a_base_with_code_in_it_is_refused_and_its_code_does_not_run(tmp_path, monkeypatch):
    """The layer's function would write a file whenever the network is built or loaded."""
    import tf_keras
    from tf_keras import layers

    monkeypatch.chdir(tmp_path)
    base = spec_in(tmp_path / "base")

    def attack(x):
        import pathlib

        pathlib.Path("it_ran").write_text("")
        return x

    i = layers.Input((124, 129, 1))
    x = layers.Lambda(attack, output_shape=(124, 129, 1))(i)
    x = layers.Dense(2, activation="softmax")(layers.Flatten()(layers.MaxPooling2D(4)(x)))
    tf_keras.Model(i, x).save(base / "fire_alarm.keras")
    (tmp_path / "it_ran").unlink()
    new = spec_in(tmp_path / "new", epochs=f'1\nbase = "{base}"')
    done = host("train", new, "--dry-run")
    said = "a .keras file can hold code, so it is not loaded: convert it once with `host train"
    assert done.exit_code == 1 and said in done.output
    # conversion takes only arrays, and these do not fit the registered network
    done = host("train", base, "--convert-base")
    assert done.exit_code == 1 and "holds no weights of its spec's network" in done.output
    # renaming the file does not help
    (base / "fire_alarm.keras").rename(weights_file(base, "fire_alarm"))
    done = host("train", new, "--dry-run")
    assert done.exit_code == 1 and "not the weights of a trained network" in done.output
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.slow
def test_an_old_base_is_converted(tmp_path):
    base = spec_in(tmp_path / "base")
    spec = load(base)
    old = network(transfer.blueprint_of(spec))
    old.save(base / "fire_alarm.keras")
    done = host("train", base, "--convert-base")
    assert done.exit_code == 0 and "fire_alarm.weights.safetensors" in done.output
    plan, arrays = read_weights(weights_file(base, "fire_alarm"))
    assert plan == transfer.blueprint_of(spec)
    for mine, theirs in zip(arrays, old.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


GOOD = json.loads(PLAN.to_json())


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({}, "not written by host train"),
        ({KEY: "{"}, "Expecting"),
        ({KEY: "[" * 100_000}, "nested too deeply"),
        ({KEY: "[]"}, "needs architecture, bands"),
        ({KEY: json.dumps({**GOOD, "frames": 10**9})}, "frames must be 1 to"),
        ({KEY: json.dumps({**GOOD, "frames": True})}, "frames must be 1 to"),
        ({KEY: json.dumps({**GOOD, "architecture": 3})}, "architecture is no name"),
        ({KEY: json.dumps({**GOOD, "dropout": "a"})}, "dropout must be"),
        ({KEY: json.dumps({**GOOD, "heads": [{}]})}, "needs classes"),
    ],
)
def test_a_wrong_description_is_one_line(header, said, tmp_path):
    file = tmp_path / "a.weights.safetensors"
    save_file({"0000": np.zeros(3, np.float32)}, file, metadata=header)
    with pytest.raises(UserError, match=said) as error:
        read_weights(file)
    assert "\n" not in error.value.message


@given(st.binary(max_size=60), st.integers(0, 2**64 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_refused_in_one_line(tmp_path_factory, body, length, framed):
    file = tmp_path_factory.mktemp("any") / "a.weights.safetensors"
    file.write_bytes(struct.pack("<Q", length if framed else len(body)) + body)
    with pytest.raises(UserError, match="not the weights of a trained network"):
        read_weights(file)


class Network:
    """Replaces a Keras network that has two weights."""

    weights = (np.zeros((2, 3)), np.zeros(3))

    def set_weights(self, arrays):
        self.set = arrays


def test_weights_of_another_network_are_refused():
    good = [np.ones((2, 3), np.float32), np.ones(3, np.float32)]
    taken = Network()
    put_weights(taken, good, Path("a"))
    assert taken.set is good
    short, long = good[:1], [*good, good[0]]
    other, double = [good[0], np.ones(4, np.float32)], [good[0], np.ones(3)]
    for arrays in (short, long, other, double):
        with pytest.raises(UserError, match="do not fit its architecture"):
            put_weights(Network(), arrays, Path("a"))
    with pytest.raises(UserError, match="not numbers"):
        put_weights(Network(), [good[0], np.full(3, np.nan, np.float32)], Path("a"))


# ---- architectures ----

OWN = "from pathlib import Path\nPath({ran!r}).write_text('')\ndef net(*_):\n    return 1\n"


def test_registered_names_need_no_code():
    assert find("esc_cnn").__name__ == "esc_cnn"
    with pytest.raises(UserError, match="no architecture 'esc_cn': did you mean esc_cnn"):
        find("esc_cn")


def test_code_runs_only_when_it_is_allowed_and_only_from_the_specs_folder(tmp_path, monkeypatch):
    ran, own, outside = tmp_path / "ran", tmp_path / "own", tmp_path / "outside"
    for folder in (own, outside):
        folder.mkdir()
        (folder / "nets.py").write_text(OWN.format(ran=str(ran)))
    (own / "link.py").symlink_to(outside / "nets.py")
    (own / "broken.py").write_text("def net(:\n")
    (own / "empty").mkdir()
    monkeypatch.chdir(outside)  # neither the current folder nor Python's path is searched
    monkeypatch.syspath_prepend(str(outside))
    before = list(sys.path)
    for name, code, said in (
        ("nets:net", None, "--allow-code"),
        ("os:system", None, "--allow-code"),
        ("nets:net", own / "empty", "must be in the spec's own folder"),
        ("os:system", own, "must be in the spec's own folder"),
        ("link:net", own, "leads out of the spec's own folder"),
        ("..outside.nets:net", own, "is no name of a module"),
        ("../outside/nets:net", own, "is no name of a module"),
        (f"{outside}/nets:net", own, "is no name of a module"),
        ("broken:net", own, "SyntaxError"),
    ):
        with pytest.raises(UserError, match=said):
            find(name, code)
    assert not ran.exists()
    assert find("nets:net", own)(1, 2, 3, 4) == 1
    assert ran.exists() and sys.path == before
    with pytest.raises(UserError, match="AttributeError"):
        find("nets:nothing", own)


@pytest.mark.slow
def test_the_command_runs_code_only_with_allow_code(tmp_path, monkeypatch):
    folder = spec_in(tmp_path / "model", architecture='"nets:net"')
    ran = tmp_path / "ran"
    (folder / "nets.py").write_text(OWN.format(ran=str(ran)))
    monkeypatch.chdir(folder)
    done = host("train", folder, "--dry-run")
    assert done.exit_code == 1 and "say --allow-code" in done.output and not ran.exists()
    done = host("train", folder, "--dry-run", "--allow-code")
    assert done.exit_code == 1 and "gave int, not a tf_keras Model" in done.output
    assert ran.exists()
