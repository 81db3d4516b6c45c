"""Training uses exactly the clips that host record and host data added to a dataset."""

import wave

import numpy as np
import pytest

from otolith.data import metadata
from otolith.data.metadata import Row
from otolith.data.windows import cover, load_windows, recordings
from otolith.deploy.scenes import scene
from otolith.errors import UserError
from otolith.listen.ending import memory_ms
from otolith.settings import spec as specs

SPEC = """
[model]
name = "doors"
description = "for tests"
classes = ["key", "knock"{others}]
architecture = "strided_cnn"
[data]
path = "{path}"
[detect.thresholds]
key = 0.5
"""
RATE = 16_000


@pytest.fixture
def dataset(tmp_path):
    """Twenty clips for each of three labels, one of them two seconds long. Twelve have a set."""
    folder = tmp_path / "dataset"
    for label in ("key", "knock", "bell"):
        (folder / label).mkdir(parents=True)
        for number in range(20):
            rng = np.random.default_rng((number, len(label)))
            pcm = rng.normal(0, 3000, RATE * (2 if number == 7 else 1)).astype("<i2")
            file = f"{label}/{number:02}.wav"
            with wave.open(str(folder / file), "wb") as out:
                out.setparams((1, 2, RATE, 0, "NONE", ""))
                out.writeframes(pcm.tobytes())
            name = ("train", "test", "validate", "train")[number % 4] if number < 12 else ""
            metadata.add_row(folder, Row(file, label, name, speaker=f"s{number}"))
    return folder


def load(tmp_path, dataset, others=""):
    file = tmp_path / "spec.toml"
    file.write_text(SPEC.format(path=dataset.as_posix(), others=others))
    return specs.load(file)


def test_given_sets_are_kept_and_the_rest_is_split_by_speaker(tmp_path, dataset):
    spec = load(tmp_path, dataset)
    found = recordings(spec)
    assert len(found) == 40 and {r.label for r in found} == {0, 1}
    for entry in found:
        number = int(entry.file.stem)
        if number < 12:
            assert entry.set == ("train", "test", "validate", "train")[number % 4]
    by_speaker = {}
    for entry in found:
        by_speaker.setdefault(entry.file.stem, set()).add(entry.set)
    assert all(len(sets) == 1 for sets in by_speaker.values())
    assert found == recordings(spec)


def test_windows_come_from_the_clips(tmp_path, dataset):
    sets = load_windows(load(tmp_path, dataset), lambda *_: None)
    samples = 256 + 123 * 128
    assert all(s.pcm.shape[1] == samples and s.pcm.dtype == np.int16 for s in sets.values())
    assert sum(len(s.labels) for s in sets.values()) >= 40
    assert set(sets["test"].labels) == {0, 1}


def test_labels_that_are_no_class_are_unknown(tmp_path, dataset):
    found = recordings(load(tmp_path, dataset, ', "unknown"'))
    assert len(found) == 60
    assert {r.file.parent.name for r in found if r.label == 2} == {"bell"}


def test_a_class_without_clips_is_one_line(tmp_path, dataset):
    with pytest.raises(UserError, match=r"no clips of class window: .*: host record window"):
        recordings(load(tmp_path, dataset, ', "window"'))


def test_the_scene_plays_test_clips_alone(tmp_path, dataset):
    spec = load(tmp_path, dataset)
    played = scene(spec, 3)
    assert sorted(s.name for s in played) == ["key", "knock"]
    assert {s.name: s.label for s in played} == {"key": "key", "knock": None}
    tests = [r.file for r in recordings(spec) if r.set == "test"]
    sounds = set()
    for file in tests:
        with wave.open(str(file)) as wav:
            sounds.add(wav.readframes(wav.getnframes()))
    for segment in played:
        first, stop = segment.sound
        assert segment.pcm[first:stop].astype("<i2").tobytes() in sounds
        # room tone before and after: two seconds more than the chain's memory
        assert len(segment.pcm) == round((memory_ms(spec.metadata()) / 1000 + 2) * RATE)
        assert first == RATE / 2 and np.abs(segment.pcm[:first]).max() > 0


def test_no_dataset_is_one_line(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        recordings(load(tmp_path, tmp_path / "nowhere"))


def test_a_clip_shorter_than_the_window_lies_in_its_middle_or_anywhere_in_training(tmp_path):
    folder = tmp_path / "dataset"
    for number in range(6):
        (folder / "key").mkdir(parents=True, exist_ok=True)
        (folder / "knock").mkdir(parents=True, exist_ok=True)
        for label in ("key", "knock"):
            file = f"{label}/{number}.wav"
            with wave.open(str(folder / file), "wb") as out:
                out.setparams((1, 2, RATE, 0, "NONE", ""))
                out.writeframes(np.repeat([0, 1000 + number], (2000, 4000)).astype("<i2").tobytes())
            name = ("train", "test", "validate")[number % 3]
            metadata.add_row(folder, Row(file, label, name, source=file))
    spec = load(tmp_path, folder)
    sets = load_windows(spec, lambda *_: None)
    samples = spec.features.samples
    for pcm in sets["test"].pcm:
        (sounding,) = np.nonzero(pcm)
        assert len(sounding) == 4000 and abs(sounding[0] - 2000 - (samples - 6000) // 2) <= 1
    first = {np.nonzero(pcm)[0][0] for pcm in sets["train"].pcm}
    assert len(first) == 4 and all(np.count_nonzero(pcm) == 4000 for pcm in sets["train"].pcm)


def test_around_a_short_clip_its_room_goes_on():
    rng = np.random.default_rng(5)
    pcm = rng.normal(0, 20, 6000)
    pcm[2000:4000] += rng.normal(0, 5000, 2000)
    pcm = pcm.astype(np.int16)
    (window,) = cover(pcm, RATE)
    np.testing.assert_array_equal(window[5000:11_000], pcm)
    for outside in (window[:5000], window[11_000:]):
        assert 15 < np.std(outside.astype(float)) < 25
    np.testing.assert_array_equal(window, cover(pcm, RATE)[0])  # deterministic for the same clip
    # digital silence is padded with digital silence
    gated = np.where(np.arange(6000) < 2000, 0, pcm).astype(np.int16)
    (window,) = cover(gated, RATE)
    assert not window[:5000].any() and not window[11_000:].any()
