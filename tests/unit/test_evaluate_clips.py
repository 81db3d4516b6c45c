"""host evaluate on clips equals the chip's own decisions, also on real recordings."""

import csv
import dataclasses
import io
import json
import math
import re

import numpy as np
import pytest
import soundfile

from otolith.data import metadata
from otolith.data.windows import load_windows
from otolith.errors import UserError
from otolith.evaluate import clips, models, replay, sounds, verdict
from otolith.listen.chain import Chain
from otolith.paths import MODELS
from otolith.report.evaluation import evaluation_section
from otolith.report.results import Baseline, WrongClip
from otolith.settings.spec import load
from support.chain_model import HOP, METADATA, network
from support.evaluate_case import always, fill, host
from support.skips import recordings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("clips"))


@pytest.mark.parametrize("outputs", [1, 2])
def test_scores_are_those_of_the_chain(outputs, tmp_path):
    path = tmp_path / "loud.tflite"
    path.write_bytes(network(outputs))
    ear = models.Ear(models.find(path))
    rng = np.random.default_rng(3)
    pcm = np.clip(rng.normal(0, 3000, HOP * 20), -32768, 32767).astype(np.int16)
    hops = [h for h in Chain(path).run(pcm) if h.scores is not None]
    for hop in hops[:5]:
        end = hop.hop * HOP
        window = pcm[end - ear.samples : end]
        assert (ear.scores(window) * 32767).round().astype(int).tolist() == hop.scores.tolist()
    threshold = round(32767 * METADATA["detect"]["thresholds"]["loud"]) / 32767
    assert ear.thresholds.tolist() == [0, threshold]


def test_a_float_output_is_read_as_the_chip_reads_it(tmp_path):
    found = []
    for ends_in_float in (False, True):
        path = tmp_path / f"{ends_in_float}.tflite"
        path.write_bytes(always(1, ends_in_float))
        ear = models.Ear(models.find(path))
        found.append(ear.scores(np.zeros(ear.samples, np.int16)).tolist())
    assert found[0] == found[1] and 0.8 < found[0][1] < 0.95


def test_windows_scored_elsewhere():
    result = clips.of_windows(
        ["a", "b"],
        np.array([0, 0.5]),
        scores=np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6], [0.7, 0.3]]),
        truth=np.array([1, 0, 1, 1]),
        clips=np.array([7, 3, 7, 9]),
    )
    assert result.names == ["clip 3", "clip 7", "clip 9"]
    assert result.truth.tolist() == [0, 1, 1] and result.windows.tolist() == [1, 2, 1]
    assert result.scores == pytest.approx(np.array([[0.9, 0.1], [0.3, 0.7], [0.7, 0.3]]))
    assert result.window_right.tolist() == [1, 2, 0]
    assert clips.summary(result).accuracy == round(2 / 3, 6)


def test_windows_overlap_by_half_and_leave_silence_out():
    loud = np.arange(1, 101, dtype=np.int16) * 100
    assert [w[0] for w in clips.windows([loud], 40)] == [100, 2100, 4100, 6100]
    short = clips.windows([loud[:10]], 40)
    assert len(short) == 1 and len(short[0]) == 40 and short[0][15:25].all()
    quiet = np.zeros(100, np.int16)
    assert len(clips.windows([np.concatenate([loud, quiet])], 50)) == 4
    assert len(clips.windows([quiet], 50)) == 1
    assert len(clips.windows([np.full(50, -32768, np.int16)], 50)) == 1


def test_real_clips_are_cut_as_training_cuts_them(tmp_path):
    spec = load(MODELS / "environment")
    recorded = recordings("esc10")
    folders = [recorded / "001 - Dog bark", recorded / "002 - Rain"]
    made = host("data", "import", *folders, "--layout", "esc", "--dataset", tmp_path)
    assert made.exit_code == 0, made.output
    spec = dataclasses.replace(
        spec,
        data=dataclasses.replace(spec.data, path=str(tmp_path)),
        model=dataclasses.replace(spec.model, classes=["dog_bark", "rain"]),
        augment=dataclasses.replace(spec.augment, windows_a_clip=1),
    )
    test = load_windows(spec, lambda *_: None)["test"]
    by_clip = [test.pcm[test.clips == c] for c in np.unique(test.clips)]
    found = sounds.of_spec(spec, lambda *_: None)
    assert len(found) == len(by_clip) == 16
    for sound, windows in zip(found, by_clip, strict=True):
        np.testing.assert_array_equal(clips.windows(sound.read(), spec.features.samples), windows)


def by_hand() -> clips.ClipScores:
    """Two classes, the second with a threshold of 0.8. The last clip belongs to no class."""
    return clips.ClipScores(
        labels=["quiet", "$a_b$"],
        thresholds=np.array([0, 0.8]),
        names=list("abcdef"),
        truth=np.array([0, 0, 1, 1, 1, 2]),
        scores=np.array([[0.9, 0.1], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9]]),
        windows=np.array([2, 2, 2, 2, 2, 2]),
        window_right=np.array([2, 1, 2, 2, 0, 0]),
    )


def test_the_figures_by_hand():
    s = clips.summary(by_hand()).to_json()
    assert (s["clips"], s["of_no_class"], s["windows"]) == (6, 1, 12)
    assert s["accuracy"] == 3 / 5 and s["window_accuracy"] == 7 / 10
    assert s["confusion"] == [[1, 0, 1], [1, 1, 1], [0, 1, 0]]
    assert s["accuracy_with_thresholds"] == round(2 / 6, 6) and s["unknown"] == 2 / 5
    quiet, other = s["classes"]
    assert (quiet["precision"], quiet["recall"], quiet["f1"]) == (0.5, 0.5, 0.5)
    assert (other["precision"], other["recall"]) == (0.5, round(1 / 3, 6))
    # positives 0.9, 0.7, 0.4 against negatives 0.1, 0.6, 0.9: (2.5 + 2 + 1) / 9
    assert other["roc_auc"] == round(5.5 / 9, 6)
    # best F1 of the second class: up to 0.40, all three are found and two are wrong, 6/8
    assert other["picked"]["f1"] == 0.75 and 0.1 < other["picked"]["threshold"] <= 0.4


def test_wrong_clips_are_listed_the_worst_first():
    found = clips.summary(by_hand()).wrong
    assert [(w.name, w.truth, w.said, w.score, w.truth_score) for w in found] == [
        ("b", "quiet", "$a_b$", 0.6, 0.4),
        ("e", "$a_b$", "quiet", 0.6, 0.4),
    ]
    scores = by_hand().scores.copy()
    scores[4] = [0.95, 0.05]
    worse = clips.summary(dataclasses.replace(by_hand(), scores=scores)).wrong
    assert [w.name for w in worse] == ["e", "b"] and worse[0].margin == pytest.approx(0.9)
    assert clips.summary(by_hand()).to_json()["wrong"][0] == {
        "name": "b", "truth": "quiet", "said": "$a_b$", "score": 0.6, "truth_score": 0.4
    }  # fmt: skip


LABELS = ["a", "b", "c"]


def test_the_baseline_is_the_largest_class():
    truth = np.array([0] * 3 + [1] * 5 + [3] * 9)  # 3: no class
    assert verdict.baseline(LABELS, truth) == Baseline("b", 0.625)
    assert verdict.baseline(LABELS, np.array([3, 3])) is None


@pytest.mark.parametrize(
    ("truth", "best", "said"),
    [
        # 125 of 200 in the largest class, as in the small set behind the documented baseline
        (np.repeat([0, 1], [125, 75]), np.repeat([0, 1, 0], [125, 5, 70]), ["not clearly better"]),
        (np.repeat([0, 1], [125, 75]), np.repeat([0, 1], [125, 75]), []),
        (np.repeat([0, 1, 2], 50), np.repeat([0, 1, 1], 50), ["never answers c"]),
        (
            np.repeat([0, 1], 20),
            np.repeat([0, 1], 20),
            ["the test set is small: 40 clips, 20 of a"],
        ),
        (np.repeat([0, 1, 2], [90, 90, 3]), np.repeat([0, 1, 2], [90, 90, 3]), ["3 of c"]),
        (np.array([], int), np.array([], int), ["no clip is of any"]),
    ],
)
def test_warnings_say_what_an_accuracy_is_worth(truth, best, said):
    found = verdict.warnings(LABELS, truth, best)
    assert len(found) == len(said), found
    assert all(part in line for part, line in zip(said, found, strict=True))


def test_the_page_plays_the_worst_clips_within_its_size(monkeypatch):
    wrong = [WrongClip(n, f"clip {n}", "a", "b", 0.9, 0.1) for n in range(30)]
    rng = np.random.default_rng(1)

    def read(clip):
        if clip == 1:
            raise UserError("gone")
        return [rng.integers(-9999, 9999, 16000).astype(np.int16)] * 20

    found = replay.sounds_of(wrong, read)
    assert list(found) == [0, *range(2, 20)][: len(found)]
    assert sum(map(len, found.values())) <= replay.BYTES
    pcm, rate = soundfile.read(io.BytesIO(found[0]), dtype="int16")
    assert rate == 16000 and len(pcm) == 16000 * replay.SECONDS
    monkeypatch.setattr(replay, "BYTES", 2 * len(found[0]))
    assert len(replay.sounds_of(wrong, read)) <= 2


def test_the_command_lists_and_plays_wrong_clips(folder, tmp_path):
    page = tmp_path / "page.html"
    model, sounds = folder / "deaf.tflite", folder / "sounds"
    done = host("evaluate", model, "--data", sounds, "-o", page)
    assert done.exit_code == 0, done.output
    assert done.output.count("background/") >= 12, done.output
    assert "wrong clip" in done.output and "heard as" in " ".join(done.output.split()), done.output
    assert "Warning: the network never answers background" in done.output
    assert "always answering background: 50.0%" in " ".join(done.output.split())
    assert page.read_text().count("<audio controls") == 12
    assert str(folder) not in page.read_text() and "<td>background/00.wav</td>" in page.read_text()
    found = json.loads(host("evaluate", model, "--data", sounds, "--json").stdout)
    assert len(found["wrong"]) == 12 and found["baseline"]["accuracy"] == 0.5
    assert found["warnings"] and all(w["said"] == "loud" for w in found["wrong"])


def test_the_sweep_as_csv():
    rows = list(csv.DictReader(io.StringIO(clips.sweep_csv(by_hand()))))
    assert len(rows) == 2 * 101
    row = next(r for r in rows if r["label"] == "$a_b$" and r["threshold"] == "0.70")
    assert [row[k] for k in ("tp", "fp", "fn", "tn")] == ["2", "1", "1", "2"]
    assert row["precision"] == row["recall"] == "0.6667"
    assert sum(r["picked"] == "1" for r in rows) == 2


def test_the_section_stands_alone():
    section = evaluation_section(clips.summary(by_hand()))
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", section)
    assert len(links) == 3 and all(link.startswith("data:image/png;base64,") for link in links)
    assert "60.0%" in section and "ROC" in section and "$a_b$" in section
    assert section == evaluation_section(clips.summary(by_hand()))


def test_a_class_without_clips_does_not_spoil_the_rest():
    some = dataclasses.replace(by_hand(), truth=np.zeros(6, int))
    s = clips.summary(some).to_json()
    other = s["classes"][1]
    assert other["recall"] is None and other["roc_auc"] is None
    assert other["picked"]["threshold"] is None and s["accuracy"] == round(2 / 6, 6)
    assert not math.isnan(s["macro_f1"])
    json.dumps(s, allow_nan=False)
    assert "<img" in evaluation_section(clips.summary(some))


def test_a_folder_with_a_subfolder_a_class(folder, tmp_path):
    sweep, page = tmp_path / "sweep.csv", tmp_path / "page.html"
    result = host("evaluate", folder / "good.tflite", "--data", folder / "sounds", "--json",
        "--sweep", sweep, "-o", page)  # fmt: skip
    found = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert found["clips"] == 24 and found["accuracy"] == 1.0
    assert found["confusion"][0][:2] == [12, 0] and sweep.exists()
    assert page.read_text().startswith("<!doctype html>")
    shown = host("evaluate", folder / "good.tflite", "--data", folder / "sounds").output
    assert "accuracy 100.0% of 24 clips" in shown and "UNK" in shown


def test_sounds_of_no_class_are_said_or_counted(folder, tmp_path):
    for label, level in (("007 - Loud", 12000), ("Dog bark", 60)):
        (tmp_path / label).mkdir()
        pcm = np.random.default_rng(1).normal(0, level, 8000).clip(-32768, 32767).astype(np.int16)
        soundfile.write(tmp_path / label / "a.wav", pcm, 16000)
    arguments = ("evaluate", folder / "good.tflite", "--data", tmp_path, "--json")
    result = host(*arguments)
    assert result.exit_code == 0 and json.loads(result.stdout)["clips"] == 1
    assert result.stderr.startswith("left out: dog_bark: no class of")
    found = json.loads(host(*arguments, "--others").stdout)
    assert found["clips"] == 2 and found["of_no_class"] == 1
    assert found["confusion"][2] == [1, 0, 0]  # the background has no threshold


def test_one_bad_file_leaves_the_others(folder, tmp_path):
    (tmp_path / "loud").mkdir()
    (tmp_path / "loud" / "bad.wav").write_bytes(b"RIFF")
    (tmp_path / "loud" / "good.wav").write_bytes((folder / "sounds/loud/00.wav").read_bytes())
    result = host("evaluate", folder / "good.tflite", "--data", tmp_path, "--json")
    assert result.exit_code == 1 and json.loads(result.stdout)["clips"] == 1
    assert "bad.wav" in result.stderr and len(result.stderr.splitlines()) == 1


def test_the_test_set_of_a_dataset(folder, tmp_path):
    for number, (label, chosen) in enumerate(
        [("loud", "test"), ("loud", "train"), ("background", "test")]
    ):
        name = f"{label}/{number}.wav"
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((folder / "sounds" / label / "00.wav").read_bytes())
        metadata.add_row(tmp_path, metadata.Row(name, label, chosen))
    model = folder / "good.tflite"
    found = json.loads(host("evaluate", model, "--dataset", tmp_path, "--json").stdout)
    assert found["clips"] == 2 and found["accuracy"] == 1
    (tmp_path / "loud" / "0.wav").unlink()
    result = host("evaluate", model, "--dataset", tmp_path, "--json")
    assert result.exit_code == 1 and json.loads(result.stdout)["clips"] == 1
    result = host("evaluate", model, "--dataset", tmp_path, "--set", "validate")
    assert result.exit_code == 1 and "no clip is in the validate set" in result.output


def test_what_can_not_be_judged_is_one_line(folder, tmp_path):
    (tmp_path / "bad.tflite").write_bytes(b"nothing of the kind")
    (tmp_path / "empty").mkdir()
    good = folder / "good.tflite"
    for arguments, said in (
        ((good,), "no spec.toml beside it"),
        ((good, "--data", tmp_path / "gone"), "no such folder"),
        ((good, "--data", tmp_path / "empty"), "no subfolder"),
        ((good, "--dataset", tmp_path / "empty"), "no metadata.csv"),
        ((good, "--data", folder, "--dataset", folder), "give one of"),
        ((good, "--spec", MODELS / "environment"), "is about dog_bark"),
        ((tmp_path / "bad.tflite", "--data", folder / "sounds"), "not a .tflite model"),
        ((tmp_path / "gone.tflite",), "no such file"),
    ):
        result = host("evaluate", *arguments)
        assert result.exit_code == 1 and said in result.output, result.output
        assert len(result.output.splitlines()) == 1
