"""Manifests of microWakeWord: what is read, and what is refused."""

import json
import os
import statistics

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.cli import main
from otolith.compile.graph import Tensor
from otolith.compile.manifest import Micro, cutoff, lag, metadata_of, read_manifest
from otolith.errors import UserError
from otolith.settings.detect import q15
from support.soak import depth

MICRO = {
    "probability_cutoff": 0.85,
    "feature_step_size": 10,
    "sliding_window_size": 5,
    "tensor_arena_size": 37000,
    "minimum_esphome_version": "2024.7.0",
}
GOOD = {
    "type": "micro",
    "wake_word": "Okay Nabu",
    "author": "Kevin Ahrendt",
    "model": "okay_nabu.tflite",
    "trained_languages": ["en"],
    "version": 2,
    "micro": MICRO,
}
SOURCE = Tensor(0, "in", (1, 3, 40), "int8", (26 / 255,), (-128,))
OUTPUT = Tensor(1, "out", (1, 1), "int8", (1 / 256,), (-128,))


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "models"
    inside.mkdir()
    (inside / "okay_nabu.tflite").write_bytes(b"")
    (tmp_path / "outside.tflite").write_bytes(b"")
    os.symlink(tmp_path / "outside.tflite", inside / "link.tflite")
    return inside


def written(folder, manifest):
    path = folder / "manifest.json"
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


def changed(**changes):
    """A good manifest with changes; a key of "micro" begins with micro_, None removes a key."""
    manifest = {**GOOD, "micro": dict(MICRO)}
    for name, value in changes.items():
        table = manifest["micro"] if name.startswith("micro_") else manifest
        key = name.removeprefix("micro_")
        table.pop(key, None)
        if value is not None:
            table[key] = value
    return manifest


def test_version_2(folder):
    found = read_manifest(written(folder, GOOD))
    assert found.network == folder / "okay_nabu.tflite" and found.name == "okay_nabu"
    metadata = metadata_of(found, SOURCE, OUTPUT)
    front_end = metadata.features
    assert (front_end.window, front_end.hop, front_end.bands) == (480, 160, 40)
    assert front_end.fe.pcan_enable and front_end.fe.noise_reduction_enable
    assert metadata.deploy.hop_frames == 3 and front_end.frames == 4
    assert metadata.classes == ("background", "Okay Nabu") and metadata.name == "okay_nabu"
    detect = metadata.detect
    assert (detect.smoothing, detect.minimum_count) == (5, 5)
    assert metadata.hop_ms * detect.suppression_hops == pytest.approx(1000, abs=15)


def test_version_1(folder):
    old = {"probability_cutoff": 0.5, "sliding_window_average_size": 10}
    found = read_manifest(written(folder, {**GOOD, "version": 1, "micro": old}))
    one = Tensor(0, "in", (1, 1, 40), "int8", (26 / 255,), (-128,))
    metadata = metadata_of(found, one, OUTPUT)
    assert metadata.features.hop == 320 and metadata.features.frames == 1
    assert metadata.deploy.hop_frames == 1 and metadata.detect.smoothing == 10


@settings(max_examples=depth(100, 20000), deadline=None)
@given(st.integers(1, 999), st.integers(1, 32))
def test_the_threshold_decides_as_the_reference(thousandths, size):
    """Reference: an event if the mean probability is above the cutoff, not at it."""
    micro = Micro(thousandths / 1000, size, 10, 1)
    threshold = q15(cutoff(micro, OUTPUT))
    edge = int(micro.probability_cutoff * size * 256)
    for total in range(max(0, edge - 3), min(255 * size, edge + 4) + 1):
        outputs = [(total + i) // size for i in range(size)]
        above = statistics.mean(q / 256 for q in outputs) > micro.probability_cutoff
        assert (sum(128 * q for q in outputs) // size >= threshold) == above, (total, edge)


def test_a_network_runs_behind_by_the_frames_a_hop_has_too_many():
    assert [lag(480, 160, n) for n in (1, 2, 3, 4)] == [0, 0, 1, 2]
    for window, hop, frames in ((480, 160, 3), (480, 320, 1), (400, 160, 5), (512, 512, 2)):
        behind = lag(window, hop, frames)
        for hops in range(1, 20):
            ready = max(0, (hops * frames * hop - window) // hop + 1)
            if ready >= frames + behind:
                assert (ready - behind) % frames == 0


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no microWakeWord manifest"),
        ("[" * 5000, "nested too deeply"),
        (changed(type="wake"), "type = 'wake': must be 'micro'"),
        (changed(type=None), "lacks type"),
        (changed(version=3), "version = 3: must be 1 or 2"),
        (changed(version="2"), "version = '2': expected `int`, got `str`"),
        (changed(wake_word=""), "wake_word = ''"),
        (changed(wake_word="a\x1b[31m"), "printable"),
        (changed(micro=7), "lacks micro, a table"),
        (changed(model=None), "lacks model"),
        (changed(model="../outside.tflite"), "leads out of the manifest's folder"),
        (changed(model="/etc/passwd"), "leads out of the manifest's folder"),
        (changed(model="link.tflite"), "leads out of the manifest's folder"),
        (changed(model="nothing.tflite"), "no such file"),
        (changed(model="manifest.json"), "must be a .tflite file"),
        (changed(model="a\0.tflite"), "no such file"),
        (changed(model="https://example.org/okay.tflite"), "no such file"),
        (changed(micro_probability_cutoff=97), "micro.probability_cutoff = 97: expected `float`"),
        (changed(micro_probability_cutoff=True), "micro.probability_cutoff = True"),
        (
            changed(micro_sliding_window_size=0),
            "micro.sliding_window_size = 0: expected `int` >= 1",
        ),
        (changed(micro_sliding_window_size=2.5), "micro.sliding_window_size = 2.5"),
        (changed(micro_feature_step_size=0), "micro.feature_step_size = 0"),
        (changed(micro_tensor_arena_size=-1), "micro.tensor_arena_size = -1"),
        (changed(micro_tensor_arena_size=None), "lacks micro.tensor_arena_size"),
    ],
)
def test_what_is_wrong_is_one_line(folder, manifest, said):
    path = written(folder, manifest)
    with pytest.raises(UserError) as error:
        read_manifest(path)
    assert said in error.value.message
    assert error.value.message.startswith(str(path)) and "\n" not in error.value.message


def test_all_problems_are_told_at_once(folder):
    bad = changed(
        wake_word=5,
        model="../outside.tflite",
        micro_probability_cutoff=2,
        micro_sliding_window_size=None,
    )
    result = CliRunner().invoke(main, ["adopt", str(written(folder, bad))])
    lines = result.output.strip().splitlines()
    assert result.exit_code == 1 and "4 problems" in lines[0]
    for said in ("wake_word = 5", "leads out", "cutoff = 2", "lacks micro.sliding_window_size"):
        assert sum(said in line for line in lines) == 1
    assert not (folder / "models").exists()


def test_networks_that_are_not_microwakewords_are_refused(folder):
    found = read_manifest(written(folder, GOOD))
    for shape in ((1, 3, 39), (1, 120), (1, 40, 3)):
        with pytest.raises(UserError, match="take frames of 40"):
            metadata_of(found, Tensor(0, "in", shape, "int8", (0.1,), (-128,)), OUTPUT)
    with pytest.raises(UserError, match="gives 2 scores"):
        metadata_of(found, SOURCE, Tensor(1, "out", (1, 2), "int8", (1 / 256,), (-128,)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(max_examples=depth(40, 2000), deadline=None)
@given(data=st.data())
def test_any_value_is_taken_or_refused_in_words(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "any_manifest"
    folder.mkdir(exist_ok=True)
    (folder / "okay_nabu.tflite").write_bytes(b"")
    manifest = {**GOOD, "micro": dict(MICRO)}
    for table in (manifest, manifest["micro"]):
        for key in data.draw(st.sets(st.sampled_from(sorted(table)), max_size=2)):
            table[key] = data.draw(json_values)
    try:
        found = read_manifest(written(folder, manifest))
    except UserError as error:
        assert str(folder) in error.message
    else:
        assert 0 < found.micro.probability_cutoff < 1
