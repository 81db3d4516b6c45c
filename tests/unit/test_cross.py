"""Cross-validation: every fold is the test set once, the mean is right, no work is repeated."""

import dataclasses
import io
import json

import pytest
from rich.console import Console

from otolith.data import metadata
from otolith.data.metadata import Row
from otolith.errors import UserError
from otolith.paths import MODELS
from otolith.report.results import Baseline, Metrics
from otolith.settings.spec import Data, load
from otolith.train.cross import cross_validate, turns


def spec_of(data):
    return dataclasses.replace(load(MODELS / "environment"), data=data)


@pytest.fixture
def esc(tmp_path):
    """models/environment, with a dataset of four folds."""
    spec = load(MODELS / "environment")
    folder = tmp_path / "esc10"
    for number, label in enumerate(spec.model.classes * 4):
        row = Row(f"{number}.wav", label, extra={"fold": str(number // 10 + 1), "src_file": "1"})
        found = metadata.load(folder)
        found.columns += [name for name in row.extra if name not in found.columns]
        folder.mkdir(exist_ok=True)
        (folder / row.file).write_bytes(b"")
        found.rows.append(row)
        found.save(folder)
    return dataclasses.replace(spec, data=dataclasses.replace(spec.data, path=str(folder)))


def test_each_fold_tests_once_and_does_not_train_then(esc):
    found = turns(esc)
    assert list(found) == ["fold 1", "fold 2", "fold 3", "fold 4"]
    assert [turn.data.test_groups for turn in found.values()] == [["1"], ["2"], ["3"], ["4"]]


def test_k_folds_and_groups_take_turns(tmp_path):
    kfold = turns(spec_of(Data(split="kfold", folds=3)))
    assert [turn.data.fold for turn in kfold.values()] == [1, 2, 3]
    for number, speaker in enumerate(("ada", "bo", "ada")):
        (tmp_path / f"{number}.wav").write_bytes(b"")
        metadata.add_row(tmp_path, Row(f"{number}.wav", "rain", speaker=speaker))
    data = Data(str(tmp_path), split="group", group="speaker", test_groups=["ada"])
    groups = turns(spec_of(data))
    assert {name: turn.data.test_groups for name, turn in groups.items()} == {
        "speaker ada": ["ada"],
        "speaker bo": ["bo"],
    }
    always = turns(spec_of(dataclasses.replace(data, train_groups=["b*"])))
    assert list(always) == ["speaker ada"]


def test_made_sounds_have_no_folds():
    with pytest.raises(UserError, match="needs folds or groups"):
        turns(load(MODELS / "fire_alarm"))


def judged(accuracy, stopped=""):
    keys = ("clip_accuracy", "float_clip_accuracy", "int8_accuracy", "float_accuracy")
    sizes = {"weights_bytes": 1, "arena_bytes": 2, "seconds": 3.0, "stopped": stopped}
    rest = {f.name: None for f in dataclasses.fields(Metrics)}
    return Metrics(
        **{**rest, **dict.fromkeys(keys, accuracy), **sizes, "baseline": Baseline("rain", 0.1)}
    )


def test_the_mean_of_all_turns_is_reported_and_only_what_is_missing_is_trained(tmp_path, esc):
    trained = []

    def train(turn, folder):
        trained.append(int(turn.data.test_groups[0]))
        if len(trained) == 3:
            return judged(0, "interrupted after epoch 2")
        metrics = judged(int(turn.data.test_groups[0]) / 10)
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(metrics.to_json()))
        return metrics

    said = io.StringIO()
    spec = esc
    with pytest.raises(KeyboardInterrupt):
        cross_validate(spec, tmp_path, train, Console(file=said))
    summary = cross_validate(spec, tmp_path, train, Console(file=said))
    assert trained == [1, 2, 3, 3, 4]
    assert summary.mean["clip_accuracy"] == pytest.approx(0.25)
    assert json.loads((tmp_path / "cross_validation.json").read_text()) == summary.to_json()
    assert "fold 3" in said.getvalue() and "25.0%" in said.getvalue()
    other = dataclasses.replace(spec, train=dataclasses.replace(spec.train, epochs=1))
    (tmp_path / "cross" / "fold_1" / "metrics.json").write_text(json.dumps(judged(1).to_json()))
    with pytest.raises(FileExistsError):  # it would train again, because the settings differ
        cross_validate(other, tmp_path, train, Console(file=said))
