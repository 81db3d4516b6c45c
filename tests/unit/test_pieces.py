"""Pieces of one recording stay together, or are split in time with a gap."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.data.metadata import Row, load
from otolith.data.pieces import GAP, chunk_of, gap_in_time, sources_of, times_of
from otolith.data.split import groups_of, split_by_time
from support.dataset_files import dataset, host, noise, write

SHARES = (80.0, 10.0, 10.0)


@pytest.mark.parametrize(
    ("stem", "source"),
    [
        ("x_chunk0", "x"),
        ("street-part-12", "street"),
        ("a_b.seg3", "a_b"),
        ("x", ""),
        ("chunk7", ""),
        ("partial_3", ""),
    ],
)
def test_chunks_name_their_recording(stem, source):
    assert chunk_of(stem) == source


def test_ranges_and_numbers_of_several_recordings_are_pieces():
    files = [(f"{r}_{n}.0_{n + 1}.5", "dog") for r in ("am", "pm") for n in range(3)]
    assert sources_of(files) == ["am"] * 3 + ["pm"] * 3
    files = [(f"{r}-{n}", "dog") for r in ("am", "pm", "noon") for n in range(3)]
    assert sources_of(files) == ["am"] * 3 + ["pm"] * 3 + ["noon"] * 3


def test_one_series_of_numbers_is_told_not_guessed():
    said = []
    files = [(f"evening-{n}", "dog") for n in range(9)]
    assert sources_of(files, said.append) == [""] * 9
    assert len(said) == 1 and "--names" in said[0]
    said.clear()
    sources_of(
        [(f"dog_{n}", "dog") for n in range(9)] + [("rec_1", "cat"), ("rec_2", "cat")], said.append
    )
    assert said == []


def test_chunks_without_a_source_are_one_group():
    rows = [Row(f"dog/x_chunk{n}.wav", "dog") for n in range(5)] + [Row("dog/y.wav", "dog")]
    assert sorted(len(group.rows) for group in groups_of(rows)) == [1, 5]


def test_import_gives_chunks_one_source(tmp_path):
    for n in range(4):
        write(tmp_path / "in" / "dog" / f"x_chunk{n}.wav", noise(n))
        write(tmp_path / "in" / "cat" / f"y_{n}.0_{n + 1}.0.wav", noise(n + 9))
    assert host("import", tmp_path / "in", "--dataset", tmp_path / "ds").exit_code == 0
    assert {(row.label, row.source) for row in load(tmp_path / "ds").rows} == {
        ("dog", "x"),
        ("cat", "y"),
    }


def timed(n, seconds=1.0, source="r"):
    return [
        Row(
            f"dog/{i:04}.wav",
            "dog",
            source=source,
            extra={"start": f"{i * seconds}", "end": f"{(i + 1) * seconds}"},
        )
        for i in range(n)
    ]


def test_a_long_recording_is_split_in_time():
    rows = timed(600)
    placed, unused = split_by_time(rows, SHARES, 10.0, {})
    sets = [row.set for row in rows]
    assert len(placed) == 600 and unused == sets.count("") == 20
    assert (sets.count("train"), sets.count("validate"), sets.count("test")) == (475, 50, 55)
    assert gap_in_time(rows) == 10.0


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0.1, 20)), min_size=1, max_size=60),
    st.tuples(*[st.sampled_from([0.0, 10.0, 80.0])] * 3).filter(any),
    st.floats(GAP, 60),
)
@settings(max_examples=60)
def test_sets_split_in_time_never_touch(clips, shares, gap):
    rows = [
        Row(f"{n}.wav", "dog", source="r", extra={"start": str(at), "end": str(at + length)})
        for n, (at, length) in enumerate(clips)
    ]
    split_by_time(rows, shares, gap, {})
    found = gap_in_time(rows)
    assert found is not None and found >= gap - 1e-6
    assert {row.set for row in rows} <= {
        "",
        *(s for s, x in zip(("train", "validate", "test"), shares, strict=True) if x),
    }


def test_times_that_make_no_sense_are_none():
    for extra in (
        {},
        {"start": "x", "end": "1"},
        {"start": "2", "end": "1"},
        {"start": "0", "end": "inf"},
    ):
        assert times_of(Row("a.wav", "a", extra=extra)) is None


def test_interleaved_sets_are_a_leak_that_check_tells(tmp_path):
    write(tmp_path / "long.wav", np.concatenate([noise(n) for n in range(60)]))
    host(
        "import",
        tmp_path / "long.wav",
        "--label",
        "dog",
        "--seconds",
        1,
        "--dataset",
        tmp_path / "ds",
    )
    rows = load(tmp_path / "ds")
    assert len(rows.rows) == 60 and times_of(rows.rows[7]) == (7.0, 8.0)
    for n, row in enumerate(rows.rows):
        row.set = ("train", "test")[n % 2]
    rows.save(tmp_path / "ds")
    assert "leak: source" in host("check", "--dataset", tmp_path / "ds").output
    done = host("split", "--by", "time", "--gap", "4", "--json", "--dataset", tmp_path / "ds")
    assert done.exit_code == 0, done.output
    about = json.loads(done.stdout)
    assert about["by_time"] == 60 and about["unused"] == 8
    said = host("check", "--dataset", tmp_path / "ds")
    assert said.exit_code == 0 and "split in time: its sets are 4.0 s apart" in said.output


def test_split_by_time_needs_times(tmp_path):
    dataset(tmp_path / "ds", [Row("dog/a.wav", "dog")])
    done = host("split", "--by", "time", "--dataset", tmp_path / "ds")
    assert done.exit_code == 1 and "host data cut" in done.output


def test_check_says_each_kind_in_a_line_with_examples(tmp_path):
    rows = [Row(f"dog/{n:03}.wav", "dog") for n in range(30)]
    sounds = {row.file: np.full(1600, 3000 + n, np.int16) for n, row in enumerate(rows)}
    dataset(tmp_path, rows, sounds)
    said = host("check", "--dataset", tmp_path).output.splitlines()
    assert len(said) < 14 and "--all lists every file" in said
    at = next(n for n, line in enumerate(said) if "clips have DC" in line)
    assert said[at].startswith("Warning: 30 clips have DC: ")
    assert said[at + 1 : at + 4] == ["    dog/000.wav", "    dog/001.wav", "    dog/002.wav"]
    everything = host("check", "--all", "--dataset", tmp_path).output
    assert all(everything.count(f"{row.file}: DC") == 1 for row in rows)
