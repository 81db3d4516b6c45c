"""[data] synth: generated sounds for training without recordings."""

import dataclasses
import hashlib
import shutil

import numpy as np
import pytest

from otolith.data import metadata, synthetic
from otolith.data.windows import load_windows, recordings
from otolith.deploy.scenes import scene
from otolith.errors import UserError
from otolith.paths import MODELS
from otolith.settings import spec as specs
from otolith.synth import keyword as spoken
from otolith.synth import registry
from otolith.synth.base import PARTS, Generator
from support.dataset_files import host, read

SPEC = """
[model]
name = "lock"
description = "for tests"
classes = {classes}
architecture = "strided_cnn"
[data]
path = "{path}"
synth = "{synth}"
{counts}
[features]
preset = "smart_lock"
[detect.thresholds]
{told} = 0.5
"""
COUNTS = "train_clips = 24\nvalidate_clips = 8\ntest_clips = 12"
needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "FOLDER", tmp_path / "synth")
    return tmp_path / "synth"


def load(tmp_path, synth="impact", told="locking", counts=COUNTS, classes=None):
    classes = classes or '["unknown", "knocking", "locking"]'
    path = (tmp_path / "own").as_posix()
    text = SPEC.format(path=path, synth=synth, counts=counts, told=told, classes=classes)
    (tmp_path / "spec.toml").write_text(text)
    return specs.load(tmp_path)


def test_sets_are_made_once_and_half_is_unknown(tmp_path, folder):
    spec = load(tmp_path)
    assert synthetic.origin(spec) == "synthesised sounds (impact)"
    told = []
    windows = load_windows(spec, lambda name, share: told.append(name))
    assert "synthesising sounds" in told
    for name, count in (("train", 24), ("validate", 8), ("test", 12)):
        labels = windows[name].labels
        assert len(labels) == count and (labels == 0).sum() == count / 2
        assert windows[name].pcm.shape == (count, spec.features.samples)
    # no sound is in two sets, and the files equal the windows
    sounds = [pcm.tobytes() for w in windows.values() for pcm in w.pcm]
    assert len(set(sounds)) == 44
    (made,) = folder.iterdir()
    before = {f: f.stat().st_mtime_ns for f in made.rglob("*.wav")}
    assert len(before) == 44
    assert len(recordings(spec)) == 44
    assert {f: f.stat().st_mtime_ns for f in made.rglob("*.wav")} == before
    file = next(entry.file for entry in recordings(spec) if entry.set == "test")
    assert read(file).tobytes() in {pcm.tobytes() for pcm in windows["test"].pcm}


def test_other_settings_make_other_sounds(tmp_path, folder):
    recordings(load(tmp_path))
    recordings(load(tmp_path, counts=COUNTS + "\nseed = 2"))
    first, second = folder.iterdir()
    files = sorted(f.relative_to(first) for f in first.rglob("*.wav"))
    assert files == sorted(f.relative_to(second) for f in second.rglob("*.wav"))
    assert not any((first / f).read_bytes() == (second / f).read_bytes() for f in files)


def test_stopped_half_way_nothing_is_left(tmp_path, folder):
    def stop(name, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthetic.folder_of(load(tmp_path), stop)
    assert list(folder.iterdir()) == []


def test_recordings_take_their_place(tmp_path, folder):
    spec = load(tmp_path)
    for label in spec.model.classes:
        host("synth", "impact", label, "-o", tmp_path / "own", "--count", 60)
    assert not synthetic.is_synthetic(spec)
    assert synthetic.origin(spec) == "dataset own"
    assert {entry.file.parts[-3] for entry in recordings(spec)} == {"own"}
    assert not folder.exists()
    assert {s.name for s in scene(spec, 1)} == set(spec.model.classes)


def test_a_scene_is_of_sounds_no_set_has(tmp_path):
    spec = load(tmp_path)
    segments = scene(spec, 7)
    assert [s.label for s in segments] == [None, "locking", None]
    again = scene(spec, 7)
    assert all(np.array_equal(a.pcm, b.pcm) for a, b in zip(segments, again, strict=True))
    assert not np.array_equal(segments[1].pcm, scene(spec, 8)[1].pcm)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"synth": "impcat"},
            r"\[data\] synth = 'impcat': no such generator: did you mean impact",
        ),
        ({"classes": '["doorbell", "locking"]'}, 'synth = "impact" makes .*, not doorbell'),
        ({"counts": "train_clips = 24\nvalidate_clips = 8\ntest_clips = 5"}, "at least 6 each"),
        ({"synth": ""}, "need synth"),
    ],
)
def test_what_it_can_not_make_is_said(tmp_path, folder, change, reason):
    with pytest.raises(UserError, match=reason):
        recordings(load(tmp_path, **change))
    assert not folder.exists()


def test_a_generator_is_one_file_and_one_line(tmp_path, monkeypatch):
    """One registration makes a generator available to specs, datasets, scenes and commands."""
    (tmp_path / "door_bells.py").write_text(BELLS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # for the processes that generate clips
    monkeypatch.setitem(registry.GENERATORS, "bells", "door_bells:Bells")
    registry.find.cache_clear()
    with pytest.raises(UserError, match="makes ding, dong, not unknown"):
        recordings(load(tmp_path, "bells"))
    made = host("synth", "bells", "dong", "-o", tmp_path / "own", "--count", 2, "--seconds", 0.25)
    assert made.exit_code == 0, made.output
    rows = metadata.load(tmp_path / "own").rows
    assert [(row.label, row.note) for row in rows] == [("dong", "bells")] * 2
    assert "Two bells." in host("synth", "bells", "--help").output
    assert "bells" in host("synth", "--help").output
    jobs = synthetic.clip(bells_spec(tmp_path), "ding", 4000, "test", (1, 2))
    assert jobs.tolist() == [1000] * 4000


def test_a_class_of_any_name_stays_inside_the_dataset(tmp_path, folder, monkeypatch):
    class Anything(Generator):
        def clip(self, rng, label, samples, part):
            return rng.integers(-1000, 1000, samples).astype(np.int16)

    monkeypatch.setitem(registry.GENERATORS, "anything", f"{__name__}:Anything")
    monkeypatch.setattr(synthetic, "find", lambda name: Anything)
    spec = load(tmp_path, "anything", "knocking", classes='["../../y", "/etc/x", "犬", "knocking"]')
    found = recordings(spec)
    (made,) = folder.iterdir()
    assert len(list(tmp_path.rglob("*.wav"))) == len(list(made.rglob("*.wav"))) == len(found) == 44
    assert {entry.file.parent.parent for entry in found} == {made}
    assert {row.label for row in metadata.load(made).rows} == set(spec.model.classes)


BELLS = '''
"""Bells."""
import numpy as np
from otolith.synth.base import Generator

class Bells(Generator):
    labels = ("ding", "dong")
    about = "Two bells."

    def clip(self, rng, label, samples, part):
        return np.full(samples, 1000 if label == "ding" else 2000, np.int16)
'''


def bells_spec(tmp_path):
    return load(tmp_path, "bells", "ding", classes='["ding", "dong"]')


def test_the_ready_models_say_that_they_are_synthesised():
    for name in ("smart_lock", "smart_lock_small"):
        spec = specs.load(MODELS / name)
        assert spec.data.synth and "synthesised" in spec.model.description


FIRE_ALARM = {  # SHA-256 of PCM and labels, for the clip counts below
    "train": "709be2c39178272f 3555dcdef3892f52",
    "validate": "e75d234f2ae7a054 33215a82af4d2b1a",
    "test": "806a2e3c6182c2b2 33215a82af4d2b1a",
}


def test_fire_alarm_learns_from_the_same_sounds_as_before(folder):
    """While these digests stay the same, models/fire_alarm trains to the same network."""
    spec = specs.load(MODELS / "fire_alarm")
    few = {"train_clips": 20, "validate_clips": 8, "test_clips": 8, "path": "/nowhere"}
    spec = dataclasses.replace(spec, data=dataclasses.replace(spec.data, **few))
    for name, windows in load_windows(spec, lambda *_: None).items():
        arrays = (windows.pcm, windows.labels.astype("<i8"))
        digests = [hashlib.sha256(array.tobytes()).hexdigest()[:16] for array in arrays]
        assert " ".join(digests) == FIRE_ALARM[name]
    # a dry run generates only what it uses, and reuses the whole dataset if there is one
    assert len(list(folder.iterdir())) == 1
    first = load_windows(spec, lambda *_: None, clips=4)
    assert len(list(folder.iterdir())) == 1
    other = dataclasses.replace(spec, data=dataclasses.replace(spec.data, train_clips=70))
    assert load_windows(other, lambda *_: None, clips=4)["train"].pcm.shape == (8, 16000)
    np.testing.assert_array_equal(
        load_windows(other, lambda *_: None, clips=4)["train"].pcm, first["train"].pcm
    )
    made = sorted(len(list(made.rglob("*.wav"))) for made in folder.iterdir())
    assert made == [24, 36]


# ---- words ----

WORDS = '["unknown", "on", "off"]'


def test_nobody_speaks_in_two_sets():
    sets = [set(spoken.speakers(part)) for part in PARTS]
    assert sum(map(len, sets)) == len(set.union(*sets)) > 80
    assert min(map(len, sets)) >= 8


@needs_espeak
def test_words_are_all_there_and_the_same_seed_gives_the_same(tmp_path):
    spec = load(tmp_path, "keyword", "on", classes=WORDS)

    def clip(label, number):
        return synthetic.clip(spec, label, 16000, "test", (1, number))

    for label in spec.model.classes:
        first = [clip(label, number) for number in range(4)]
        assert len({pcm.tobytes() for pcm in first}) == 4
        assert first[2].tobytes() == clip(label, 2).tobytes()
        assert all(pcm.shape == (16000,) and pcm.dtype == np.int16 for pcm in first)


@needs_espeak
def test_a_word_cut_off_is_a_third_of_it_at_most():
    for number in range(6):
        rng = np.random.default_rng(number)
        word = spoken.say(rng, "off", 16000, "train")
        out = spoken._cut_off(rng, word, 16000)
        kept = np.flatnonzero(out)
        assert kept[-1] - kept[0] < 0.36 * len(word)
        assert kept[0] < 500 or kept[-1] > 15500  # at one end of the window


def test_without_espeak_it_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    spec = load(tmp_path, "keyword", "on", classes=WORDS)
    with pytest.raises(UserError, match="espeak-ng is missing"):
        synthetic.clip(spec, "on", 16000, "test", (1, 1))


def test_noises_are_a_class_each(tmp_path, folder):
    classes = '["rain", "siren"]'
    spec = load(tmp_path, "noises", "siren", classes=classes)
    assert synthetic.origin(spec) == "synthesised sounds (noises)"
    windows = load_windows(spec, lambda name, share: None)["train"]
    assert [(windows.labels == c).sum() for c in (0, 1)] == [12, 12]
    assert np.abs(windows.pcm).max(1).min() > 30
    with pytest.raises(UserError, match=r'synth = "noises" makes noise, .*, not owl'):
        recordings(load(tmp_path, "noises", "owl", classes='["rain", "owl"]'))


@needs_espeak
def test_silence_is_what_unknown_is_without_the_words():
    """If there is a class for silence, unknown clips always contain speech."""
    n, classes = 16000, ["silence", "unknown", "yes"]

    def levels(label, classes):
        keys = ((3, number) for number in range(40))
        clips = [
            spoken.spoken_clip(np.random.default_rng(k), label, n, "test", classes) for k in keys
        ]
        return np.array([np.abs(clip.astype(float)).mean() for clip in clips])

    near_nothing = 12  # mean |sample| of the quiet room
    assert (levels("silence", classes) < near_nothing).sum() >= 6
    assert (levels("unknown", ["unknown", "yes"]) < near_nothing).any()
    assert not (levels("unknown", classes) < near_nothing).any()
