"""The ready bases: found by name and size, read without code, good for networks of one's own."""

import dataclasses
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from otolith.compile import schedule_model
from otolith.errors import UserError
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.train.feasible import untrained
from otolith.train.session import new_session
from otolith.train.transfer import base_folder, read_base
from otolith.train.weights import read_weights, weights_file

# size: most MACs of a window. A hop of the small one computes one row a layer (docs/streaming.md).
SIZES = {"s": 500_000, "m": 500_000, "l": 4_100_000}
READY = sorted(
    s for s in SIZES if weights_file(MODELS / "base_word" / s, f"base_word_{s}").exists()
)


def own_word(base):
    """A spec for one's own word that names a base."""
    spec = load(MODELS / "hey_otto")
    return dataclasses.replace(spec, train=dataclasses.replace(spec.train, base=base))


def test_a_base_is_found_by_name_and_size(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert base_folder("base_word") == MODELS / "base_word" / "m"
    assert base_folder("base_word/l") == MODELS / "base_word" / "l"
    own = tmp_path / "base_word" / "l"
    own.mkdir(parents=True)
    assert base_folder("base_word/l").resolve() == own  # a folder here comes first
    assert str(base_folder("../base_word")) == "../base_word"  # no way out of models/


def test_there_are_bases():
    assert "m" in READY


# `make test` takes the size that specs stand on by default
@pytest.mark.parametrize(
    "size", [pytest.param(s, marks=[pytest.mark.soak] * (s != "m")) for s in READY]
)
def test_a_base_carries_a_network_of_ones_own(size):
    folder = MODELS / "base_word" / size
    file = weights_file(folder, f"base_word_{size}")
    assert file.stat().st_size < 1_000_000
    spec = own_word(f"base_word/{size}")
    network, blueprint = read_base(new_session(1), spec)
    assert blueprint.architecture == load(folder).model.architecture
    loud = np.random.default_rng(1).integers(0, 600, (4, *spec.features.shape, 1))
    assert np.isfinite(network.predict(loud.astype(np.float32), verbose=0)).all()
    assert np.ptp(read_weights(file)[1][0]) > 0
    assert schedule_model(untrained(spec), "own").macs < SIZES[size]


def test_how_windows_settle_does_not_matter_to_a_base_but_the_front_end_does():
    spec = own_word("base_word/m")
    settled = dataclasses.replace(spec.features, settle=7)
    read_base(new_session(1), dataclasses.replace(spec, features=settled))
    other = dataclasses.replace(spec.features, bands=32)
    with pytest.raises(UserError, match="features"):
        read_base(new_session(1), dataclasses.replace(spec, features=other))
