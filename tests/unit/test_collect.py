"""What a detector hears is collected, reviewed, and becomes part of a dataset."""

import csv
import json

import numpy as np
import pytest
import soundfile

from otolith.audio import read_pcm
from otolith.data import metadata
from otolith.data.collected import EVENT, NEAR, WAS, Collector, shrink
from otolith.data.review import ask, waiting
from otolith.device.frames import Frame
from otolith.device.records import record
from otolith.errors import UserError
from otolith.monitor.collecting import Collecting
from otolith.settings.detect import InForce
from support.chain_model import network
from support.evaluate_case import host
from support.fake_board import DETECT, HELLO, SCORES

RATE = 16000


def noise(seconds, level, seed=1):
    pcm = np.random.default_rng(seed).normal(0, 1, round(seconds * RATE)) * level
    return np.clip(pcm, -32768, 32767).astype(np.int16)


@pytest.fixture
def heard(tmp_path):
    """Eight quiet seconds with a loud one and, later, one that is nearly loud; their collection."""
    (tmp_path / "loud.tflite").write_bytes(network(2))
    parts = [noise(5, 60), noise(0.3, 12000), noise(6, 60), noise(0.5, 4500), noise(5, 60)]
    pcm = np.concatenate(parts)
    soundfile.write(tmp_path / "evening.wav", pcm, RATE)
    model = tmp_path / "loud.tflite"
    result = host(
        "classify", tmp_path / "evening.wav", "--model", model, "--collect", tmp_path / "kept"
    )
    assert result.exit_code == 0, result.output
    return tmp_path, pcm, result


def test_events_and_near_misses_are_kept_with_the_seconds_around_them(heard):
    folder, pcm, result = heard
    rows = metadata.load(folder / "kept").rows
    assert sorted(row.extra[WAS] for row in rows) == [EVENT, NEAR]
    assert "1 events and 1 near misses kept" in result.stderr
    for row in rows:
        clip = read_pcm(folder / "kept" / row.file)
        at = int(row.extra["at_ms"]) * RATE // 1000
        assert row.label == "loud" and at == 3 * RATE and len(clip) == 4 * RATE
        # it is the sound itself: found where its time says
        starts = [i for i in range(0, len(pcm) - len(clip) + 1) if pcm[i] == clip[0]]
        (start,) = [i for i in starts if np.array_equal(pcm[i : i + len(clip)], clip)]
        moment = (start + at) / RATE
        loud = (5.0, 5.8) if row.extra[WAS] == EVENT else (11.3, 12.4)
        assert loud[0] < moment < loud[1]
        assert 0 < float(row.extra["score"]) < 1 and len(row.extra["model"]) == 16


def test_a_collection_stays_below_its_limit(tmp_path):
    folder = tmp_path / "kept"
    keep = Collector(folder, {"loud": 0.8}, limit=3 * 2 * 4 * RATE + 200)
    for number in range(6):
        keep.hear(noise(10, 100, number))
        t_ms = 1000 * (10 * number + 5)
        if number % 2:
            keep.event(t_ms, "loud", 0.9)
        else:
            keep.scores(t_ms, [("loud", 0.5)])
            keep.scores(t_ms + 30, [("loud", 0.1)])
    keep.finish()
    rows = metadata.load(folder).rows
    assert (keep.events, keep.near_misses, keep.dropped) == (3, 3, 3)
    assert [row.extra[WAS] for row in rows] == [EVENT] * 3
    assert sum(f.stat().st_size for f in folder.rglob("*.wav")) <= keep.limit
    assert shrink(folder, 0) == 3 and not list(folder.rglob("*.wav"))


def test_a_low_score_and_the_end_of_an_event_are_no_near_misses(tmp_path):
    keep = Collector(tmp_path / "kept", {"loud": 0.8}, near=0.5)
    keep.hear(noise(10, 100))
    keep.scores(1000, [("loud", 0.39), ("background", 0.99)])
    keep.event(5000, "loud", 0.85)
    keep.scores(5030, [("loud", 0.7)])
    keep.scores(5060, [("loud", 0.2)])
    keep.finish()
    assert (keep.events, keep.near_misses) == (1, 0)


def test_a_board_that_streams_is_collected_from(tmp_path):
    hello = record(HELLO)
    settings = InForce({}, {"loud": 0.8})
    collecting = Collecting(tmp_path / "kept", hello, settings, 0.5, 1)
    blocks = noise(6, 500).reshape(-1, 128)

    def frame(number):
        return Frame("P", number & 0xFFFF, blocks[number].astype("<i2").tobytes())

    gaps = []
    for number in range(len(blocks)):
        if number == 300:  # one is lost
            continue
        gaps.append(collecting.take(frame(number)))
        if number == 500:
            collecting.take(record({**DETECT, "t_ms": 4000}))
            collecting.take(record({**SCORES, "t_ms": 4000}))
    (gap,) = [g for g in gaps if g is not None]
    assert (gap.count, gap.t_ms) == (128, 300 * 8)
    assert "1 events and 0 near misses" in collecting.finish("stopped")
    (row,) = metadata.load(tmp_path / "kept").rows
    clip = read_pcm(tmp_path / "kept" / row.file)
    whole = blocks.copy()
    whole[300] = 0
    np.testing.assert_array_equal(clip, whole.ravel()[RATE : 5 * RATE])
    assert row.device == "pico" and row.extra["model"] == "4c1d"
    with pytest.raises(UserError, match="reset"):
        collecting.take(hello)


def test_reviewed_clips_are_part_of_the_dataset(heard):
    folder, _, _ = heard
    dataset = folder / "dataset"
    names = [row.file for row in waiting(folder / "kept")]
    result = host("data", "review", folder / "kept", "--json")
    assert [clip["clip"] for clip in json.loads(result.stdout)] == names
    arguments = ("data", "review", folder / "kept", "--dataset", dataset)
    result = host(*arguments, names[0], "--file", "wrong", "--json")
    (filed,) = json.loads(result.stdout)
    assert (filed["clip"], filed["label"]) == (names[0], "background")
    result = host(*arguments, "--file", "missed", "--label", "loud")
    assert "1 missed" in result.output and waiting(folder / "kept") == []
    with (dataset / "metadata.csv").open() as file:
        rows = {row["label"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"background", "loud"}
    assert {row["set"] for row in rows.values()} == {"train"}
    assert {row["weight"] for row in rows.values()} == {"4"}
    assert rows["background"]["source"] == f"kept/{names[0]}"
    for row in rows.values():
        assert len(read_pcm(dataset / row["file"])) == round(1.8 * RATE)
    assert host("data", "check", "--dataset", dataset).exit_code in (0, 1)


def test_a_wrong_clip_is_unknown_where_the_dataset_has_that(heard):
    folder, _, _ = heard
    dataset = folder / "dataset"
    (dataset / "unknown").mkdir(parents=True)
    metadata.Metadata([metadata.Row("unknown/a.wav", "unknown")]).save(dataset)
    result = host(
        "data", "review", folder / "kept", "--dataset", dataset, "--file", "wrong", "--json"
    )
    assert {f["label"] for f in json.loads(result.stdout)} == {"unknown"}


def test_clips_are_filed_by_single_keys(heard):
    folder, _, _ = heard
    rows = waiting(folder / "kept")
    keys, played, said = iter("axsm"), [], []
    labels = iter(["loud"])
    filed = ask(
        folder / "kept",
        rows,
        folder / "dataset",
        played.append,
        lambda: next(keys),
        lambda: next(labels),
        said.append,
    )
    assert [len(pcm) for pcm in played] == [4 * RATE] * 3  # the first one twice
    assert [(f.clip, f.verdict, f.label) for f in filed] == [(rows[1].file, "missed", "loud")]
    assert [row.file for row in waiting(folder / "kept")] == [rows[0].file]
    assert said[0].startswith("1 of 2: ") and "event loud, score" in said[0]
    assert (
        ask(
            folder / "kept",
            rows[:1],
            folder / "dataset",
            played.append,
            lambda: "q",
            str,
            said.append,
        )
        == []
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone"], "no collection"),
        (["kept", "--file", "missed"], "needs --label"),
        (["kept", "--label", "x"], "goes with --file"),
        (["kept", "--file", "wrong", "--label", "a/b"], "use letters, digits"),
        (["kept", "none*", "--file", "wrong"], "no label and no clip"),
    ],
)
def test_wrong_reviews_are_one_line(heard, arguments, said, monkeypatch):
    monkeypatch.chdir(heard[0])
    result = host("data", "review", *arguments)
    assert result.exit_code == 1 and said in result.output
    assert len(result.output.splitlines()) == 1 and len(waiting(heard[0] / "kept")) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["monitor", "--record", "a", "--collect", "b"], "choose one"),
        (["monitor", "--near", "0.4"], "go with --collect"),
        (["classify", "x.wav", "--model", "m", "--collect-limit", "4"], "go with --collect"),
    ],
)
def test_wrong_options_are_one_line(arguments, said):
    result = host(*arguments)
    assert result.exit_code == 1 and said in result.output
    assert len(result.output.splitlines()) == 1


def test_a_board_of_another_app_is_not_collected_from(tmp_path):
    hello = record({**HELLO, "app": "usb_mic"})
    with pytest.raises(UserError, match="inference app, not usb_mic"):
        Collecting(tmp_path / "kept", hello, InForce({}, {}), 0.5, 1)
    assert not (tmp_path / "kept").exists()
