"""Label files of other programs give the same spans in every format."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.data.labels import Label, read_track
from otolith.data.metadata import load
from otolith.errors import UserError
from support.dataset_files import host, noise, write

WANTED = [Label(0.5, 1.25, "Küchenuhr"), Label(2.0, 3.5, "dog bark")]
AUDACITY = "0.5\t1.25\tKüchenuhr\n2.0\t3.5\tdog bark\n"
LONG_GRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "sounds"
        xmin = 0
        xmax = 5
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "Küchenuhr"
        intervals [3]:
            xmin = 1.25
            xmax = 2.0
            text = ""
        intervals [4]:
            xmin = 2.0
            xmax = 3.5
            text = "dog bark"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 5
        points: size = 1
        points [1]:
            number = 4
            mark = "click"
"""
SHORT_GRID = """File type = "ooTextFile short"
"TextGrid"

0
5
<exists>
1
"IntervalTier"
"sounds"
0
5
2
0.5
1.25
"Küchenuhr"
2.0
3.5
"dog bark"
"""
RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\t"
    "Low Freq (Hz)\tHigh Freq (Hz)\tSpecies\n"
    "1\tWaveform 1\t1\t0.5\t1.25\t100\t2000\tKüchenuhr\n"
    "1\tSpectrogram 1\t1\t0.5\t1.25\t100\t2000\tKüchenuhr\n"
    "2\tSpectrogram 1\t1\t2.0\t3.5\t50\t900\tdog bark\n"
)


def region(start, end, label):
    return {"type": "labels", "value": {"start": start, "end": end, "labels": [label]}}


REGIONS = [region(0.5, 1.25, "Küchenuhr"), region(2, 3.5, "dog bark")]
STUDIO = json.dumps(
    [
        {"data": {"audio": "/data/upload/1/9af3c1-a.wav"}, "annotations": [{"result": REGIONS}]},
        {"data": {"audio": "b.wav"}, "annotations": [{"result": [region(0, 1, "other")]}]},
    ]
)
STUDIO_MIN = json.dumps(
    [{"audio": "a.wav", "label": [one["value"] for one in REGIONS], "id": 3, "annotator": 1}]
)
FILES = {
    "a.txt": AUDACITY.encode(),
    "utf16.txt": AUDACITY.encode("utf-16"),
    "utf16le.txt": AUDACITY.encode("utf-16-le"),
    "bom.txt": AUDACITY.encode("utf-8-sig"),
    "latin.txt": AUDACITY.encode("latin-1"),
    "a.TextGrid": SHORT_GRID.encode(),
    "utf16.TextGrid": SHORT_GRID.encode("utf-16"),
    "a.Table.1.selections.txt": RAVEN.encode("latin-1"),
    "a.json": STUDIO.encode(),
    "min.json": STUDIO_MIN.encode(),
    "a.csv": b"start,end,label\n0.5,1.25,K\xc3\xbcchenuhr\n2.0,3.5,dog bark\n",
    "excel.csv": (
        "\ufeffStart (s);End (s);Label\r\n0,5;1,25;Küchenuhr\r\n2;3,5;dog bark\r\n".encode()
    ),
    "headless.csv": "0.5,1.25,Küchenuhr\n2.0,3.5,dog bark\n".encode(),
    "length.csv": "onset,duration,event\n0.5,0.75,Küchenuhr\n2.0,1.5,dog bark\n".encode(),
    "files.csv": (
        b"filename,onset,offset,event_label\na.wav,0.5,1.25,K\xc3\xbcchenuhr\n"
        b"b.wav,0,1,no\na.wav,2,3.5,dog bark\n"
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_every_program_tells_the_same_labels(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    labels, problems = read_track(tmp_path / name, 5.0, "a.wav")
    assert [Label(one.start, one.end, one.label) for one in labels] == WANTED
    assert problems == []


def test_bands_of_raven_are_kept(tmp_path):
    (tmp_path / "r.txt").write_text(RAVEN, "utf-8")
    labels, _ = read_track(tmp_path / "r.txt")
    assert [(one.low, one.high) for one in labels] == [(100, 2000), (50, 900)]


def test_a_tier_of_a_textgrid(tmp_path):
    path = tmp_path / "x.TextGrid"
    path.write_text(LONG_GRID, "utf-8")
    labels, problems = read_track(path)
    assert labels == WANTED and len(problems) == 1 and "--tier (clicks)" in problems[0]
    assert read_track(path, tier="clicks") == ([Label(4, 4, "click")], [])
    with pytest.raises(UserError, match=r"no tier 'x': it has sounds, clicks"):
        read_track(path, tier="x")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.json", "{", "not JSON"),
        ("x.json", "[" * 100_000, "not JSON"),
        ("x.json", "[1, null, {}]", "no regions"),
        ("x.TextGrid", "nothing", "not a TextGrid"),
        ("x.TextGrid", LONG_GRID[:400], ""),
    ],
)
def test_broken_files_are_one_line(tmp_path, name, text, said):
    (tmp_path / name).write_text(text, "utf-8")
    try:
        read_track(tmp_path / name)
        assert not said
    except UserError as error:
        assert said in error.message and "\n" not in error.message and name in error.message


@pytest.mark.parametrize(
    "value", [True, None, "x", [1], {"a": 1}, float("nan"), float("inf"), -1, 10**400]
)
def test_times_of_json_that_are_none_are_told(tmp_path, value):
    text = json.dumps([{"label": [{"start": value, "end": 3, "labels": ["x"]}]}])
    (tmp_path / "x.json").write_text(text)
    labels, problems = read_track(tmp_path / "x.json")
    assert labels == [] and len(problems) == 1 and "passed over" in problems[0]


@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6)), max_size=5),
    st.floats(0, 1),
)
@settings(max_examples=150, deadline=2000)
def test_damaged_files_give_labels_or_one_line(tmp_path_factory, name, patches, share):
    data = bytearray(FILES[name])
    for at, patch in patches:
        place = int(at * len(data))
        data[place : place + len(patch)] = patch
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(data[: int(len(data) * share)])
    try:
        labels, problems = read_track(path, 5.0, "a.wav")
        assert all(0 <= one.start <= one.end <= 5.01 and one.label for one in labels)
        assert all("\n" not in line for line in problems)
    except UserError as error:
        assert "\n" not in error.message and name in error.message


def test_cut_finds_a_textgrid_beside_the_recording(tmp_path):
    write(tmp_path / "a.wav", noise(1, 5))
    (tmp_path / "a.TextGrid").write_text(SHORT_GRID, "utf-8")
    done = host("cut", tmp_path / "a.wav", "--dataset", tmp_path / "ds")
    assert done.exit_code == 0, done.output
    assert [row.label for row in load(tmp_path / "ds").rows] == ["Küchenuhr", "dog_bark"]
