"""The loop: a false event is collected, reviewed as wrong, and a resumed training removes it."""

import json

import numpy as np
import pytest
import soundfile

from otolith.data import metadata
from otolith.data.metadata import Metadata, Row
from otolith.data.windows import load_windows, weight_of
from otolith.errors import UserError
from otolith.settings.spec import load
from otolith.train.fit import last_weights
from support.evaluate_case import host

RATE = 16000
SPEC = """
[model]
name = "beep"
classes = ["background", "beep"]
architecture = "micro_speech"
[data]
path = "{dataset}"
[features]
frames = 32
[train]
epochs = 160
batch = 16
body_rate = 1.0
[detect]
smoothing = 4
minimum_count = 4
[detect.thresholds]
beep = 0.5
[deploy]
hop_frames = 8
"""


def sound(rng, *tones, seconds=0.6):
    t = np.arange(round(seconds * RATE)) / RATE
    pcm = rng.normal(0, 200, len(t))
    for hertz in tones:
        pcm += 9000 * np.sin(2 * np.pi * hertz * t + rng.uniform(0, 6))
    return np.clip(pcm, -32768, 32767).astype(np.int16)


@pytest.fixture
def folder(tmp_path):
    """A dataset of beeps and noise, its spec, and an evening with another tone in it."""
    rng = np.random.default_rng(1)
    rows = []
    for label, tones in (("background", ()), ("beep", (2000,))):
        (tmp_path / "dataset" / label).mkdir(parents=True)
        for number in range(16):
            name = f"{label}/{number}.wav"
            soundfile.write(tmp_path / "dataset" / name, sound(rng, *tones), RATE)
            chosen = ("train", "train", "validate", "test")[number % 4]
            rows.append(Row(name, label, set=chosen, source=f"{label}{number}"))
    Metadata(rows).save(tmp_path / "dataset")
    other = (500, 2000)  # an appliance whose sound has the beep in it
    parts = [sound(rng, seconds=4), sound(rng, *other, seconds=1), sound(rng, seconds=6)]
    parts += [sound(rng, *other, seconds=1), sound(rng, seconds=4)]
    soundfile.write(tmp_path / "evening.wav", np.concatenate(parts), RATE)
    parts = [sound(rng, seconds=2), sound(rng, 2000, seconds=1), sound(rng, seconds=2)]
    soundfile.write(tmp_path / "beeps.wav", np.concatenate(parts), RATE)
    (tmp_path / "spec.toml").write_text(SPEC.format(dataset=tmp_path / "dataset"))
    return tmp_path


def events(folder, name, *more):
    result = host("classify", folder / name, "--model", folder, "--json", *more)
    assert result.exit_code == 0, result.output
    return sum(json.loads(line)["event"] == "detect" for line in result.stdout.splitlines())


@pytest.mark.slow
def test_a_false_event_is_collected_filed_as_wrong_and_trained_away(folder):
    assert host("train", folder).exit_code == 0
    assert events(folder, "beeps.wav") >= 1
    assert events(folder, "evening.wav", "--collect", folder / "kept") >= 1
    result = host(
        "data", "review", folder / "kept", "--dataset", folder / "dataset", "--file", "wrong"
    )
    assert result.exit_code == 0, result.output
    before = (folder / "beep.tflite").read_bytes()
    result = host("train", folder, "--resume")
    assert result.exit_code == 0, result.output
    assert (folder / "beep.tflite").read_bytes() != before
    assert events(folder, "evening.wav") == 0
    assert events(folder, "beeps.wav") >= 1
    text = (folder / "spec.toml").read_text().replace("frames = 32", "frames = 31")
    (folder / "spec.toml").write_text(text)
    with pytest.raises(UserError, match="the spec has changed since: start again without"):
        last_weights(load(folder), folder)


def test_a_clip_with_a_weight_gives_more_windows(folder):
    spec = load(folder)
    before = load_windows(spec, lambda *_: None)["train"]
    rng = np.random.default_rng(2)
    soundfile.write(folder / "dataset" / "background" / "new.wav", sound(rng, 700), RATE)
    extra = {"weight": "4"}
    row = Row("background/new.wav", "background", set="train", extra=extra)
    found = metadata.load(folder / "dataset")
    found.rows.append(row)
    found.columns.append("weight")
    found.save(folder / "dataset")
    after = load_windows(spec, lambda *_: None)["train"]
    more = (after.labels == 0).sum() - (before.labels == 0).sum()
    assert more == 4 * spec.augment.windows_a_clip
    assert (after.labels == 1).sum() == (before.labels == 1).sum()


@pytest.mark.parametrize(
    ("told", "weight"),
    [("", 1), ("3", 3), ("0", 1), ("-2", 1), ("x", 1), ("9" * 30, 1), ("500", 100)],
)
def test_weights_are_whole_numbers(told, weight):
    assert weight_of(Row("a.wav", "a", extra={"weight": told})) == weight
