"""Audacity label tracks: everything readable is kept, everything else is reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.data.labels import Label, format_track, parse_track, read_track, write_track
from otolith.errors import UserError

TIMES = st.floats(0, 86400).map(lambda t: round(t, 6))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1)
BANDS = st.none() | st.tuples(TIMES, TIMES)


@st.composite
def labels(draw):
    start, length, band = draw(TIMES), draw(TIMES), draw(BANDS)
    low, high = band or (None, None)
    return Label(start, round(min(start + length, 86400.0), 6), draw(TEXTS), low, high)


@given(st.lists(labels(), max_size=10))
def test_tracks_come_back_as_they_were(made):
    again, problems = parse_track(format_track(made), "t")
    assert again == made
    assert all("overlap" in problem for problem in problems)


@given(st.text(st.sampled_from("0123456789.,-\t\\ \r\nab\u00e9")) | st.text())
def test_any_text_gives_labels_and_one_line_a_problem(text):
    found, problems = parse_track(text, "t")
    assert all(0 <= label.start <= label.end and label.label for label in found)
    assert all("\n" not in problem for problem in problems)


def test_a_track_as_audacity_writes_it():
    text = "0.500000\t1.250000\tkey in lock\r\n\\\t200.0\t4000.0\r\n2,5\t2,5\tknock\r\n"
    found, problems = parse_track(text, "t")
    assert found == [Label(0.5, 1.25, "key in lock", 200.0, 4000.0), Label(2.5, 2.5, "knock")]
    assert problems == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1.0\t0.5\ta", "the times are reversed"),
        ("-1\t0.5\ta", "a time is negative"),
        ("0.1\t0.5\t", "the label is empty"),
        ("0.1\t0.5", "tabs between"),
        ("0.1 0.5 a", "tabs between"),
        ("x\t0.5\ta", "'x' is no number"),
        ("nan\t0.5\ta", "'nan' is no number"),
        ("0\tinf\ta", "'inf' is no number"),
        ("0\t1e30\ta", "longer than any recording"),
        ("11\t12\ta", "begins at 11 s, the recording ends at 10 s"),
        ("9\t12\ta", "ends at 12 s, the recording at 10 s"),
        ("\\\t1\t2", "of which label?"),
    ],
)
def test_bad_lines_are_told_and_the_rest_counts(line, says):
    found, problems = parse_track(f"{line}\n3\t4\tgood\n", "track.txt", seconds=10)
    assert found == [Label(3, 4, "good")]
    (problem,) = problems
    assert problem.startswith("track.txt:1: ") and says in problem


def test_overlapping_labels_are_told_and_kept():
    found, problems = parse_track("0\t2\ta\n1\t3\tb\n3\t4\tc\n", "t")
    assert [label.label for label in found] == ["a", "b", "c"]
    assert problems == ["t: a (0-2 s) and b (1-3 s) overlap: both are kept"]


def test_a_byte_order_mark_and_foreign_bytes_are_no_obstacle(tmp_path):
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbf0\t1\tcaf\xe9\n")
    found, problems = read_track(path)
    assert (found[0].start, found[0].end, problems) == (0, 1, [])


def test_what_is_no_track_is_one_line(tmp_path):
    (tmp_path / "t.txt").write_bytes(b"RIFF\0\0\0\0WAVE")
    for path in (tmp_path / "t.txt", tmp_path / "none.txt", tmp_path):
        with pytest.raises(UserError) as told:
            read_track(path)
        assert "\n" not in told.value.message


def test_a_track_is_written_whole(tmp_path):
    write_track(tmp_path / "t.txt", [Label(0, 1, "two\twords\n here")])
    assert (tmp_path / "t.txt").read_text() == "0.000000\t1.000000\ttwo words here\n"
