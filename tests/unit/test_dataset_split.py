"""host data split: related files stay in one set, and no file changes its set."""

import hashlib
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.data import metadata
from otolith.data.metadata import SETS, Row
from otolith.data.split import groups_of, set_of, split_rows, uneven
from support.dataset_files import dataset, host, noise

SHARES = (80.0, 10.0, 10.0)
NAMES = st.sampled_from(["", "", "a", "b", "c", "d", "e"])


@st.composite
def some_rows(draw, sets=("",)):
    about = draw(st.lists(st.tuples(NAMES, NAMES, st.sampled_from(sets)), max_size=25))
    return [
        Row(f"x/{n}.wav", "x", chosen, speaker=speaker, source=source and f"s{source}")
        for n, (speaker, source, chosen) in enumerate(about)
    ]


def split(rows, **options):
    return split_rows(groups_of(rows), SHARES, 0, **options)


def assert_no_leak(rows):
    for what in ("speaker", "source"):
        sets = {}
        for row in rows:
            if getattr(row, what):
                sets.setdefault(getattr(row, what), set()).add(row.set)
        assert all(len(found) == 1 for found in sets.values())


@given(some_rows())
def test_every_row_gets_a_set_and_nothing_leaks(rows):
    assert split(rows) == []
    assert all(row.set in SETS for row in rows)
    assert_no_leak(rows)


@given(some_rows(), some_rows())
def test_rows_added_later_move_none(rows, later):
    """Whatever links the new rows have, and however often the split is repeated."""
    split(rows)
    before = [row.set for row in rows]
    for row in later:
        row.file = "later/" + row.file
    split(later + rows)
    assert [row.set for row in rows] == before


@given(some_rows(("", *SETS)))
def test_sets_that_were_chosen_stay(rows):
    before = {row.file: row.set for row in rows if row.set}
    problems = split(rows)
    assert {row.file: row.set for row in rows if row.file in before} == before
    for group in groups_of(rows):
        if len(group.sets()) > 1:  # it was already spread over several sets
            assert any(name in problem for problem in problems for name in [group.name])
        else:
            assert len({row.set for row in group.rows}) == 1 and group.rows[0].set
    split(rows, again=True)
    assert_no_leak(rows)


@given(some_rows(), st.randoms())
def test_the_order_of_rows_does_not_count(rows, random):
    split(rows)
    before = {row.file: row.set for row in rows}
    for row in rows:
        row.set = ""
    random.shuffle(rows)
    split(rows)
    assert {row.file: row.set for row in rows} == before


@given(some_rows())
def test_groups_are_the_connected_components(rows):
    """Compared with groups grown until nothing more joins."""
    groups = [{row.file for row in group.rows} for group in groups_of(rows)]
    assert sum(map(len, groups)) == len(rows)
    for row in rows:
        group, size = [row], 0
        while size != len(group):
            size = len(group)
            group = [
                r
                for r in rows
                if any(
                    r is g
                    or (r.speaker and r.speaker == g.speaker)
                    or (r.source and r.source == g.source)
                    for g in group
                )
            ]
        assert {r.file for r in group} in groups


def test_new_files_of_known_speakers_move_none_even_when_split_anew():
    """In large classes the hash alone decides; earlier sets need not be known."""
    rows = [Row(f"{n}.wav", "x", speaker=f"s{n % 300}") for n in range(600)]
    split(rows)
    before = {row.speaker: row.set for row in rows}
    more = [Row(f"new{n}.wav", "x", speaker=f"s{n}", source=f"r{n}") for n in range(100)]
    for row in rows:
        row.set = ""
    split(more + rows)
    assert all(row.set == before[row.speaker] for row in rows)


def test_the_hash_is_fixed():
    """Datasets rely on this hash, so it is computed here from its definition."""
    for n in range(50):
        place = int(hashlib.sha256(f"7:speaker {n}".encode()).hexdigest()[:16], 16) / 2**64
        expected = "train" if place < 0.8 else "validate" if place < 0.9 else "test"
        assert set_of(f"speaker {n}", SHARES, 7) == expected


def test_shares_and_seeds():
    counts = Counter(set_of(f"file {n}", (60, 30, 10), 1) for n in range(10_000))
    for name, share in zip(SETS, (0.6, 0.3, 0.1), strict=True):  # 4 sigma
        assert abs(counts[name] / 10_000 - share) < 4 * (share * (1 - share) / 10_000) ** 0.5
    assert {set_of(f"file {n}", (0, 100, 0), 1) for n in range(100)} == {"validate"}
    assert any(set_of(f"{n}", SHARES, 1) != set_of(f"{n}", SHARES, 2) for n in range(99))


def test_equal_sounds_stay_together(tmp_path):
    rows = [Row(f"x/{n}.wav", "x") for n in range(30)]
    sounds = {row.file: noise(n // 10) for n, row in enumerate(rows)}
    done = host("split", "--dataset", dataset(tmp_path, rows, sounds), "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["groups"] == 3
    found = metadata.load(tmp_path).rows
    assert all(len({row.set for row in found[n : n + 10]}) == 1 for n in (0, 10, 20))


def test_a_leak_that_is_there_is_told_and_left(tmp_path):
    rows = [
        Row("x/0.wav", "x", "train", speaker="anna"),
        Row("x/1.wav", "x", "test", speaker="anna"),
        Row("x/2.wav", "x", speaker="anna"),
        Row("x/3.wav", "x"),
    ]
    folder = dataset(tmp_path, rows)
    done = host("split", "--dataset", folder)
    assert done.exit_code == 1
    assert "speaker anna is in train and test already; 1 clips of it get none" in done.output
    found = [row.set for row in metadata.load(folder).rows]
    assert found[:3] == ["train", "test", ""] and found[3]
    assert host("split", "--dataset", folder, "--again").exit_code == 0
    assert len({row.set for row in metadata.load(folder).rows[:3]}) == 1
    assert host("check", "--dataset", folder).exit_code == 0


def test_foreign_columns_and_bad_rows_survive(tmp_path):
    folder = dataset(tmp_path, [Row("x/0.wav", "x", extra={})])
    (folder / metadata.NAME).write_text("colour,file,label\nred,x/0.wav,x\ntoo,few\n")
    done = host("split", "--dataset", folder)
    assert "2 fields, the header has 3" in done.output
    lines = (folder / metadata.NAME).read_text().splitlines()
    assert lines[0].startswith("colour,file,label,set")
    assert lines[1].startswith("red,x/0.wav,x,t") and lines[2] == "too,few"


def test_imbalance_is_explained():
    rows = [Row(f"{n}.wav", "x", speaker="anna" if n < 8 else "ben") for n in range(10)]
    split(rows)
    (line,) = uneven(groups_of(rows), SHARES)
    assert "10 clips in 2 groups" in line and "speaker anna, has 8" in line


@pytest.mark.parametrize("shares", [["--train", "90"], ["--test", "nan"]])
def test_shares_that_do_not_add_up(tmp_path, shares):
    folder = dataset(tmp_path, [Row("x/0.wav", "x")])
    before = (folder / metadata.NAME).read_bytes()
    done = host("split", "--dataset", folder, *shares)
    assert done.exit_code and "must make 100" in done.output
    assert (folder / metadata.NAME).read_bytes() == before


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("takes", [3, 10, 20, 24, 150])
def test_small_classes_get_their_share_of_every_set(takes, seed):
    labels = ("ring", "knock", "background")
    rows = [Row(f"{c}/{n}.wav", c, source=f"{c}{n}") for c in labels for n in range(takes)]
    split_rows(groups_of(rows), (80, 10, 10), seed)
    for label in labels:
        sets = Counter(row.set for row in rows if row.label == label)
        assert min(sets[name] for name in ("train", "validate", "test")) >= max(1, takes // 10)
    before = [row.set for row in rows]
    more = [Row(f"ring/x{n}.wav", "ring", source=f"x{n}") for n in range(20)]
    split_rows(groups_of([*rows, *more]), (80, 10, 10), seed)
    assert [row.set for row in rows] == before, "clips that have a set keep it"


def test_few_takes_are_said_to_be_few():
    rows = [Row(f"x/{n}.wav", "x", source=f"s{n}") for n in range(4)]
    split(rows)
    (line,) = uneven(groups_of(rows), SHARES)
    assert line.endswith(": 4 clips are too few for these shares: record more")
