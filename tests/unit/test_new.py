"""`host new` makes a project, and a spec gets by with `classes` alone."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from otolith import paths
from otolith.cli import main
from otolith.errors import UserError
from otolith.project.new import Wish, make, split_names
from otolith.project.show import settings_in_force
from otolith.settings.kinds.registry import KINDS
from otolith.settings.spec import load
from otolith.train import feasible


def host(*arguments, **options):
    return CliRunner().invoke(main, list(map(str, arguments)), **options)


def write(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "spec.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_project_has_all_it_needs(kind, tmp_path):
    project = tmp_path / "my house" / "door-bell"
    project.parent.mkdir()
    done = host("new", project, "--hear", "ring, door knock,犬", "--kind", kind)
    assert done.exit_code == 0, done.output
    folders = sorted(p.name for p in (project / "dataset").iterdir())
    assert len(folders) == 4 and {"background", "ring", "door_knock"} < set(folders)
    assert {p.name for p in project.iterdir()} == {
        "dataset",
        "spec.toml",
        "platformio.ini",
        ".gitignore",
        "README.md",
    }
    spec = load(project)
    assert spec.model.name == "door-bell" and spec.model.kind == kind
    assert spec.model.classes == ("background", "ring", "door_knock", "犬")
    assert set(spec.detect.thresholds) == {"ring", "door_knock", "犬"}
    assert "host record door_knock --count 20" in (project / "README.md").read_text()
    assert not list(project.parent.glob(".door-bell*")), "the temporary folder is gone"


def test_everything_wrong_with_a_wish_is_said_at_once(tmp_path):
    (tmp_path / "there").mkdir()
    names = "con,,knock,knock,background,a/b"
    done = host("new", tmp_path / "there", "--hear", names, "--board", "pcio", "--kind", "wrod")
    assert done.exit_code == 1
    for said in (
        "there exists",
        "con can't be a folder on Windows",
        "is empty",
        "knock is named twice",
        "background is the class of everything else",
        "label 'a/b'",
        "did you mean word?",
        "no board 'pcio'",
    ):
        assert said in done.output
    assert not list((tmp_path / "there").iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x"], "--hear is missing"),
        ([], "NAME is missing"),
        (["x", "--hear", ""], "nothing to hear"),
        (["con.txt", "--hear", "a"], "can't be a project's name"),
        (["no/x", "--hear", "a"], "no such folder"),
        (["x", "--hear", "Ring,ring"], "would share a folder on Windows"),
        ([".", "--hear", "a"], "NAME is empty or this folder"),
        (["", "--hear", "a"], "NAME is empty or this folder"),
        (["x", "--hear", ",".join(f"a{n}" for n in range(40))], "up to 31"),
        (["x", "--hear", "a", "--from", "fire_alrm"], "did you mean fire_alarm?"),
    ],
)
def test_a_bad_wish_is_one_line_and_makes_nothing(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = host("new", *arguments)
    assert done.exit_code == 1 and said in done.output and len(done.output.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_project_takes_over_what_a_ready_model_needs(tmp_path):
    make(Wish(tmp_path / "mine", ("bell",), ready=paths.MODELS / "fire_alarm"))
    ready, mine = load(paths.MODELS / "fire_alarm"), load(tmp_path / "mine")
    assert mine.features == ready.features and mine.model.architecture == "alarm_cnn"
    assert mine.detect.smoothing == ready.detect.smoothing
    assert mine.deploy.hop_frames == ready.deploy.hop_frames
    assert mine.model.classes == ("background", "bell")


def test_a_copy_of_a_ready_model_differs_in_name_and_dataset_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = host("new", "smoke", "--from", "fire_alarm")
    assert done.exit_code == 0, done.output
    ready, mine = load(paths.MODELS / "fire_alarm"), load(tmp_path / "smoke")
    assert mine.model == replace(ready.model, name="smoke")
    assert mine.data == replace(ready.data, path=mine.data.path)
    for section in ("features", "augment", "train", "quantize", "detect", "deploy"):
        assert getattr(mine, section) == getattr(ready, section)
    assert (tmp_path / "smoke" / "dataset" / "fire_alarm").is_dir()
    network = paths.MODELS / "fire_alarm" / "fire_alarm.tflite"
    assert (tmp_path / "smoke" / "smoke.tflite").read_bytes() == network.read_bytes()
    assert "go\nto step 4 at once" in (tmp_path / "smoke" / "README.md").read_text()


def test_a_terminal_is_asked_again_after_a_bad_answer(tmp_path):
    import pty  # not on Windows

    (tmp_path / "there").mkdir()
    ours, theirs = pty.openpty()
    os.write(ours, b"there\nbell\nring,ring\nring\nsond\n\npico\n")
    done = subprocess.run(
        [sys.executable, "-m", "otolith", "new"],
        cwd=tmp_path,
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
    )
    for end in (ours, theirs):
        os.close(end)
    for said in ("there exists", "ring is named twice", "'sond' is not one of"):
        assert said in done.stdout + done.stderr
    assert load(tmp_path / "bell").model.classes == ("background", "ring")


def test_training_without_takes_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert host("new", "bell", "--hear", "ring").exit_code == 0
    monkeypatch.setattr(feasible, "check", lambda *_: pytest.fail("too late"))
    done = host("train", "bell")
    assert done.exit_code == 1 and len(done.output.splitlines()) == 1
    assert "no metadata.csv in it: host record and host data import make one" in done.output


def test_phrases_become_labels():
    assert split_names(" hey otto ,knock") == ("hey_otto", "knock")


def test_classes_alone_are_a_spec(tmp_path):
    spec = load(write(tmp_path / "tap", '[model]\nclasses = ["background", "tap"]\n'))
    assert spec.model.name == "tap" and spec.model.kind == "sound"
    assert spec.detect.thresholds == {"tap": 0.8}
    hop_ms = spec.features.hop_ms * spec.deploy.hop_frames
    assert spec.detect.smoothing * hop_ms == pytest.approx(400, abs=hop_ms)
    assert spec.augment.sections and spec.train.variants == 16


def test_what_a_spec_says_goes_before_its_kind(tmp_path):
    text = """
[model]
classes = ["unknown", "otto", "stop"]
kind = "word"
[features]
frames = 60
[augment.gain]
gain_db = 3
[train]
variants = 2
[detect]
average_ms = 100
[detect.thresholds]
otto = 0.4
"""
    spec = load(write(tmp_path / "w", text))
    assert spec.features.kind == "spectrogram" and spec.features.frames == 60
    assert len(spec.augment.sections) == 1 and spec.train.variants == 2
    assert spec.detect.thresholds == {"otto": 0.4} and spec.detect.smoothing == 1
    assert spec.model.architecture == "word_cnn_m"


def test_a_named_architecture_without_a_kind_keeps_plain_defaults(tmp_path):
    text = '[model]\nclasses = ["background", "tap"]\narchitecture = "strided_cnn"\n'
    spec = load(write(tmp_path / "tap", text))
    assert spec.model.kind == "" and not spec.augment.sections and spec.detect.smoothing == 8


def test_many_takes_need_less_augmentation(tmp_path):
    folder = write(tmp_path / "tap", '[model]\nclasses = ["background", "tap"]\n')
    (folder / "dataset").mkdir()
    rows = "".join(f"tap/{n}.wav,tap\n" for n in range(150))
    (folder / "dataset" / "metadata.csv").write_text(f"file,label\n{rows}")
    spec = load(folder)
    assert spec.train.variants == 4
    assert spec.data.path == str(folder / "dataset"), "a dataset beside the spec is used"


def test_settings_in_force_say_where_they_come_from(tmp_path):
    folder = write(
        tmp_path / "tap", '[model]\nclasses = ["background", "tap"]\n[train]\nbatch = 8\n'
    )
    found = {(row.section, row.key): row for row in settings_in_force(folder)}
    assert found["model", "name"].origin == "the folder"
    assert found["model", "classes"].origin == "line 2"
    assert found["model", "architecture"].origin == "kind sound"
    assert (found["train", "batch"].value, found["train", "batch"].origin) == (8, "line 4")
    assert found["train", "dropout"].origin == "default"
    assert found["augment.gain", "gain_db"].origin == "kind sound"
    word = '[model]\nclasses = ["unknown", "hi"]\nkind = "word"\n'
    found = {(row.section, row.key): row for row in settings_in_force(write(tmp_path / "w", word))}
    assert found["features", "hop"].origin == "preset micro_speech"


def test_spec_show_prints_toml_like_lines_and_json():
    model = paths.MODELS / "fire_alarm"
    text = host("spec", "show", model, "--explain").output
    assert "[model]\n" in text and 'architecture = "alarm_cnn"' in text and "# line " in text
    assert "# Batches to learn from" in text
    rows = [json.loads(line) for line in host("spec", "show", model, "--json").output.splitlines()]
    assert {"section", "key", "value", "origin", "text", "unit"} == set(rows[0])


@pytest.mark.parametrize("text", ["", "[model]\nkind = 'wrod'\nclasses = ['a', 'b']\n"])
def test_specs_that_leave_out_too_much_are_refused(text, tmp_path):
    with pytest.raises(UserError, match=r"lacks section \[model\]|did you mean word"):
        load(write(tmp_path / "x", text))
