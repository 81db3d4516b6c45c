"""The ready base for sounds, and bases whose windows have another length."""

import dataclasses
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from otolith.errors import UserError
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.train.session import new_session
from otolith.train.takes import resolved
from otolith.train.transfer import blueprint_of, build, read_base
from otolith.train.weights import weights_file, write_weights

BASE = MODELS / "base_sound"
SPEC = """
[model]
classes = ["background", "knock"]
{model}
[features]
kind = "spectrogram"
window = 256
hop = 256
frames = {frames}
compress = "log2"
"""


def spec_of(folder, frames=62, model="", base=None):
    folder.mkdir(exist_ok=True)
    (folder / "spec.toml").write_text(SPEC.format(model=model, frames=frames))
    spec = load(folder)
    if base is not None:
        spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, base=str(base)))
    return spec


def trained(folder, architecture):
    """A base with random weights."""
    spec = spec_of(folder, 62, f'architecture = "{architecture}"')
    network = build(new_session(1), blueprint_of(spec))
    write_weights(weights_file(folder, spec.model.name), network, blueprint_of(spec))
    return network


def test_a_base_takes_windows_of_another_length(tmp_path):
    weights = trained(tmp_path / "base", "separable_cnn").get_weights()
    longer = spec_of(tmp_path / "mine", 125, base=tmp_path / "base")
    network, blueprint = read_base(new_session(1), longer)
    assert network.input_shape[1:3] == (125, 129) and blueprint.frames == 125
    for mine, others in zip(network.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(mine, others)


def test_a_base_with_weights_for_each_frame_does_not(tmp_path):
    trained(tmp_path / "base", "alarm_cnn")
    read_base(new_session(1), spec_of(tmp_path / "same", 62, base=tmp_path / "base"))
    with pytest.raises(UserError, match="weights for each of 62 frames"):
        read_base(new_session(1), spec_of(tmp_path / "mine", 125, base=tmp_path / "base"))


def test_a_new_sound_stands_on_the_ready_base(tmp_path):
    assert weights_file(BASE, "base_sound").stat().st_size < 1_000_000
    spec = resolved(spec_of(tmp_path / "mine"))
    assert spec.train.base == str(BASE) and spec.train.method == "clips"
    network, blueprint = read_base(new_session(1), spec)
    assert blueprint.architecture == "separable_cnn" and blueprint.classes == 31
    loud = np.random.default_rng(1).uniform(0, 12, (3, *spec.features.shape, 1))
    scores = network.predict(loud.astype(np.float32), verbose=0)
    assert np.isfinite(scores).all() and np.ptp(scores) > 0


def test_other_features_or_a_word_of_the_spec_leave_the_base_out(tmp_path):
    assert resolved(spec_of(tmp_path / "long", 63)).train.base == "none"
    assert resolved(spec_of(tmp_path / "own", 62, base="none")).train.base == "none"
