"""A promise of false accepts in a spec: which streams it takes, and what training makes of it."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from rich.console import Console

from otolith.compile.metadata import read_metadata
from otolith.data.metadata import Metadata, Row
from otolith.errors import UserError
from otolith.report.results import Metrics
from otolith.settings.spec import load
from otolith.train.promise import streams_of
from otolith.train.run import train

RATE = 16000
SPEC = """
[model]
name = "beep"
classes = ["background", "beep"]
architecture = "strided_cnn"
[data]
path = "{dataset}"
[features]
frames = 24
[train]
epochs = 3
batch = 16
[detect]
smoothing = 4
minimum_count = 4
false_accepts_per_hour = 5
streams = ["{streams}"]
[detect.thresholds]
beep = 0.02
"""


def sound(rng, kind, seconds=0.6):
    t = np.arange(round(seconds * RATE)) / RATE
    pcm = rng.normal(0, 200, len(t))
    if kind == "beep":
        pcm += 9000 * np.sin(2 * np.pi * 2000 * t)
    return np.clip(pcm, -32768, 32767).astype(np.int16)


@pytest.fixture
def folder(tmp_path):
    """A dataset of beeps and noise, streams with and without anything in common with it."""
    rng = np.random.default_rng(1)
    rows = []
    for label in ("background", "beep"):
        (tmp_path / "dataset" / label).mkdir(parents=True)
        for number in range(12):
            name = f"{label}/{number}.wav"
            soundfile.write(tmp_path / "dataset" / name, sound(rng, label), RATE)
            chosen = ("train", "train", "validate", "test")[number % 4]
            rows.append(Row(name, label, set=chosen, speaker=f"{label}{number}"))
    Metadata(rows).save(tmp_path / "dataset")
    (tmp_path / "streams").mkdir()
    for number in range(2):
        pcm = sound(rng, "background", 70)
        soundfile.write(tmp_path / "streams" / f"{number}.wav", pcm, RATE)
    text = SPEC.format(dataset=tmp_path / "dataset", streams=tmp_path / "streams")
    (tmp_path / "spec.toml").write_text(text)
    return tmp_path


def test_streams_must_have_no_part_in_training(folder):
    spec = load(folder)
    assert len(streams_of(spec)) == 2
    copy = folder / "streams" / "copy.wav"
    shutil.copy(folder / "dataset" / "beep" / "3.wav", copy)  # of the test set
    streams_of(spec)
    shutil.copy(folder / "dataset" / "beep" / "2.wav", copy)
    with pytest.raises(UserError, match=r"copy\.wav is in training too"):
        streams_of(spec)
    copy.unlink()
    Metadata([Row("0.wav", "talk", speaker="beep1")]).save(folder / "streams")
    with pytest.raises(UserError, match="its speaker, beep1, is in training too"):
        streams_of(spec)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("_hour = 5", "_hour = 0", r"false_accepts_per_hour = 0: must be above 0"),
        ("_hour = 5", "_hour = -1", r"must be above 0"),
        ("_hour = 5", "_hour = 'few'", r"must be a number"),
        ("false_accepts_per_hour = 5\n", "", r"streams, false_accepts_per_hour: need each other"),
        ('["/', '["/gone/', r"\[detect\] streams: .*no such file or folder"),
    ],
)
def test_wrong_promises_are_told(folder, old, new, said):
    text = (folder / "spec.toml").read_text().replace(old, new)
    if "gone" in new:
        text = text.replace("streams = [", "streams = [", 1)
    (folder / "spec.toml").write_text(text)
    with pytest.raises(UserError, match=said):
        streams_of(load(folder))


@pytest.mark.slow
def test_training_keeps_a_promise(folder):
    out = folder / "out"
    with (folder / "said.txt").open("w") as said:
        metrics = train(load(folder), out, Console(file=said, width=200))
    promise = metrics.promise
    assert promise.asked == 5 and promise.hours == pytest.approx(140 / 3600, abs=1e-5)
    assert promise.positives == [3] and promise.recordings == 2
    assert promise.after.total.count == 0 and promise.held_out is not None
    detect = read_metadata((out / "beep.tflite").read_bytes()).detect
    assert detect.thresholds == {"beep": promise.after.thresholds[0]}
    assert detect.smoothing == promise.after.smoothing
    assert detect.false_accepts_per_hour == 5
    stored = json.loads((out / "metrics.json").read_text())
    assert Metrics.from_json(stored).promise == promise
    text = (folder / "said.txt").read_text()
    assert "minutes of streams can't show 5" in text and "false accepts: 0.00 an hour" in text
    assert "False accepts" in (out / "report.html").read_text()
