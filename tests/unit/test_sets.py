"""Training, validation and test sets do not overlap, and new files do not move old ones."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.data.metadata import Row
from otolith.data.sets import assign, folds_of, held_out
from otolith.errors import UserError
from otolith.settings.spec import Data

SPEAKERS = ("ada", "bo", "cy", "di", "eve")


def digits(clips: int = 6) -> list[Row]:
    return [
        Row(f"{label}/{speaker}{n}.wav", label, speaker=speaker, extra={"room": f"r{n % 3}"})
        for label in ("one", "two")
        for speaker in SPEAKERS
        for n in range(clips)
    ]


def data(**changes) -> Data:
    return dataclasses.replace(Data(seed=1), **changes)


def by_set(rows, sets, key):
    found = {}
    for row, name in zip(rows, sets, strict=True):
        found.setdefault(name, set()).add(key(row))
    return found


def test_a_speaker_is_left_out_to_test_and_another_to_validate():
    rows = digits()
    sets = assign(data(split="group", group="speaker", test_groups=["cy"]), rows)
    speakers = by_set(rows, sets, lambda row: row.speaker)
    assert speakers["test"] == {"cy"}
    assert len(speakers["validate"]) == 1 and len(speakers["train"]) == 3
    assert not speakers["validate"] & speakers["train"]


def test_validation_by_file_keeps_every_other_speaker_in_training():
    rows = digits()
    how = data(split="group", group="speaker", test_groups=["cy"], validate_by="file")
    sets = assign(how, rows)
    assert by_set(rows, sets, lambda row: row.speaker)["train"] == set(SPEAKERS) - {"cy"}
    for label in ("one", "two"):
        kept = [s for r, s in zip(rows, sets, strict=True) if r.label == label and s == "validate"]
        assert len(kept) == 4  # 15 % of 24


def test_groups_that_always_train_neither_validate_nor_test():
    rows = digits()
    how = {"split": "group", "group": "speaker", "test_groups": ["cy"]}
    for validate_by in ("group", "file"):
        wanted = data(**how, train_groups=["[ab]*"], validate_by=validate_by)
        sets = assign(wanted, rows)
        for row, chosen in zip(rows, sets, strict=True):
            assert chosen == "train" or row.speaker not in ("ada", "bo")
        assert set(sets) == {"train", "validate", "test"}
    with pytest.raises(UserError, match="'cy' is in test_groups and in train_groups"):
        assign(data(**how, train_groups=["c*"]), rows)


def test_every_clip_tests_once_in_k_folds():
    rows = digits()
    tested = []
    for fold in range(1, 6):
        sets = assign(data(split="kfold", folds=5, fold=fold), rows)
        mine = [row for row, name in zip(rows, sets, strict=True) if name == "test"]
        assert len({row.speaker for row in mine}) == 1
        tested += [row.file for row in mine]
    assert sorted(tested) == sorted(row.file for row in rows)


def test_a_foreign_column_makes_groups_too():
    rows = digits()
    sets = assign(data(split="group", group="room", test_groups=["r1", "r2"]), rows)
    assert by_set(rows, sets, lambda row: row.extra["room"])["test"] == {"r1", "r2"}


def test_validation_by_a_column_keeps_what_shares_it_together():
    """As for ESC's clips: one fold tests, and clips cut from one recording stay together."""
    rows = [
        Row(f"{label}/{n}.wav", label, extra={"fold": str(n % 4 + 1), "src_file": str(n // 2)})
        for label in ("rain", "siren")
        for n in range(16)
    ]
    how = data(split="group", group="fold", test_groups=["4"], validate_by="src_file")
    sets = assign(how, rows)
    assert by_set(rows, sets, lambda row: row.extra["fold"])["test"] == {"4"}
    sources = by_set(rows, sets, lambda row: (row.label, row.extra["src_file"]))
    assert sources["validate"] and not sources["validate"] & sources["train"]
    with pytest.raises(UserError, match=r"validate_by = 'scr_file'.*no such column.*src_file"):
        assign(data(split="group", group="fold", test_groups=["4"], validate_by="scr_file"), rows)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"split": "group", "group": "speaker", "test_groups": ["zoe"]},
            "no clip has speaker 'zoe'",
        ),
        (
            {"split": "group", "group": "spaeker", "test_groups": ["cy"]},
            "no such column: .*speaker",
        ),
        ({"split": "kfold", "folds": 6}, "of 5 groups only"),
    ],
)
def test_what_is_not_there_is_one_line(changes, said):
    with pytest.raises(UserError, match=said):
        assign(data(**changes), digits())


def test_the_set_column_rules_and_its_rows_stay_as_they_are():
    rows = [dataclasses.replace(row, set="test") for row in digits()[:6]] + digits()[30:]
    before = [row.set for row in rows]
    sets = assign(data(), rows)
    assert sets[:6] == ["test"] * 6 and all(sets)
    assert [row.set for row in rows] == before


CLIPS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("ghijklmn")), min_size=1)


@given(CLIPS, st.floats(0.01, 0.9), st.integers(0, 99))
def test_each_class_keeps_a_group_to_train_and_gives_one_to_validate_if_it_has_two(
    members, share, seed
):
    kept_out = held_out(members, share, seed)
    for label in {label for label, _ in members}:
        groups = {group for name, group in members if name == label}
        if len(groups) > 1:
            assert groups & kept_out
    alone = {label: {g for n, g in members if n == label} for label in "abc"}
    for groups in alone.values():
        if len(groups) == 1 and not any(
            groups & other for other in alone.values() if other != groups
        ):
            assert not groups & kept_out


@given(
    st.dictionaries(st.text("xyz", min_size=1), st.integers(1, 50), min_size=2), st.integers(2, 9)
)
def test_folds_are_about_as_large_as_groups_allow(groups, folds):
    fold = folds_of(groups, folds, 1)
    sizes = [sum(n for g, n in groups.items() if fold[g] == f) for f in range(1, folds + 1)]
    assert max(sizes) - min(sizes) <= max(groups.values())
    assert fold == folds_of(dict(reversed(groups.items())), folds, 1)
