"""metadata.csv: no content is ever lost, whatever else is wrong."""

import errno
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.data import metadata
from otolith.data.metadata import COLUMNS, Metadata, Row
from otolith.errors import UserError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=20)


def lines(dataset):
    return (dataset / metadata.NAME).read_text().splitlines()


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5), TEXT)
def test_rows_come_back_as_they_were(tmp_path_factory, notes, foreign):
    dataset = tmp_path_factory.mktemp("dataset")
    rows = [
        Row(f"a/{i}.wav", "a", note=note, speaker=who, extra={"colour": foreign})
        for i, (note, who) in enumerate(notes)
    ]
    Metadata(rows, [*COLUMNS, "colour"]).save(dataset)
    assert metadata.load(dataset) == Metadata(rows, [*COLUMNS, "colour"])


def test_foreign_columns_and_bad_rows_survive(tmp_path):
    (tmp_path / metadata.NAME).write_text(
        "colour,file,label,set\n"
        "red,a/1.wav,a,train\n"
        "blue,a/2.wav,a,exam\n"
        "blue,../etc/x.wav,a,train\n"
        "too,few\n"
        "red,a/1.wav,b,test\n"
        "red,a/3.wav,,test\n"
    )
    found = metadata.load(tmp_path)
    assert [row.file for row in found.rows] == ["a/1.wav"]
    assert found.rows[0].extra == {"colour": "red"}
    assert [p.partition(f"{metadata.NAME}:")[2] for p in found.problems] == [
        "3: set 'exam' is none of train, validate, test",
        "4: file '../etc/x.wav' is not a path below the dataset",
        "5: 2 fields, the header has 4",
        "6: a/1.wav has a row already",
        "7: a/3.wav has no label",
    ]
    found.save(tmp_path)
    again = lines(tmp_path)
    assert again[0].startswith("colour,file,label,set,speaker")
    assert again[1] == "red,a/1.wav,a,train,,,,,,"
    assert again[2:] == [
        "blue,a/2.wav,a,exam",
        "blue,../etc/x.wav,a,train",
        "too,few",
        "red,a/1.wav,b,test",
        "red,a/3.wav,,test",
    ]


@given(st.binary(max_size=200))
def test_any_bytes_give_rows_or_one_line(tmp_path_factory, data):
    dataset = tmp_path_factory.mktemp("dataset")
    (dataset / metadata.NAME).write_bytes(b"file,label\n" + data)
    try:
        found = metadata.load(dataset)
    except UserError as error:
        assert "\n" not in error.message
        return
    found.save(dataset)
    again = metadata.load(dataset)
    assert [row.file for row in again.rows] == [row.file for row in found.rows]


def test_rows_are_added_one_by_one(tmp_path):
    for number in range(3):
        metadata.add_row(tmp_path, Row(f"a/{number}.wav", "a", note='says "hi", twice'))
    assert [row.file for row in metadata.load(tmp_path).rows] == ["a/0.wav", "a/1.wav", "a/2.wav"]
    assert lines(tmp_path)[0] == ",".join(COLUMNS)


def test_adding_to_a_file_without_last_newline_or_with_other_columns(tmp_path):
    (tmp_path / metadata.NAME).write_text("file,label\na/1.wav,a")
    metadata.add_row(tmp_path, Row("a/2.wav", "a", speaker="s"))
    metadata.add_row(tmp_path, Row("a/3.wav", "a"))
    assert [row.speaker for row in metadata.load(tmp_path).rows] == ["", "s", ""]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    metadata.add_row(tmp_path, Row("a/1.wav", "a"))
    before = (tmp_path / metadata.NAME).read_bytes()

    class Full(io.FileIO):
        def write(self, data):
            super().write(data[:5])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(type(tmp_path), "open", lambda self, *_, **__: Full(self, "r+"))
    with pytest.raises(UserError, match="No space left"):
        metadata.add_row(tmp_path, Row("a/2.wav", "a"))
    monkeypatch.undo()
    assert (tmp_path / metadata.NAME).read_bytes() == before


@pytest.mark.parametrize(
    ("text", "says"),
    [("name,label\n", "no columns 'file' and 'label'"), ("file,label,label\n", "one name")],
)
def test_a_header_that_can_not_be_used(tmp_path, text, says):
    (tmp_path / metadata.NAME).write_text(text)
    with pytest.raises(UserError, match=says):
        metadata.load(tmp_path)


def test_a_table_saved_by_excel_is_taken_and_appended_to(tmp_path):
    text = "\ufefffile;label;set\r\na/1.wav;Küche, rot;train\r\n"
    (tmp_path / metadata.NAME).write_bytes(text.encode())
    found = metadata.load(tmp_path)
    assert found.problems == []
    assert [(r.file, r.label, r.set) for r in found.rows] == [("a/1.wav", "Küche, rot", "train")]
    metadata.add_row(tmp_path, Row("b/2.wav", "b"))
    assert [(r.file, r.label) for r in metadata.load(tmp_path).rows] == [
        ("a/1.wav", "Küche, rot"),
        ("b/2.wav", "b"),
    ]


def test_a_linked_table_is_replaced_not_followed(tmp_path):
    (tmp_path / "theirs.csv").write_text("file,label\n")
    (tmp_path / "ds").mkdir()
    (tmp_path / "ds" / metadata.NAME).symlink_to(tmp_path / "theirs.csv")
    metadata.add_row(tmp_path / "ds", Row("b/2.wav", "b"))
    assert (tmp_path / "theirs.csv").read_text() == "file,label\n"
    assert [r.file for r in metadata.load(tmp_path / "ds").rows] == ["b/2.wav"]
