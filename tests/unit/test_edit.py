"""Cutting, relabelling, merging, joining: files and rows stay consistent, even after failures."""

import errno
import json
import os
import shutil
import wave

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.audio import RATE
from otolith.audio.recordings import Span, cut_out
from otolith.audio.wav import write_wav
from otolith.cli import main
from otolith.data import metadata, relabel
from otolith.data.cut import spans_of
from otolith.data.labels import Label, read_track
from otolith.data.metadata import Row
from support.soak import depth


def run(*arguments):
    return CliRunner().invoke(main, ["data", *map(str, arguments)])


def good(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def noise(seconds, seed=0, level=3000):
    rng = np.random.default_rng(seed)
    return rng.normal(0, level, int(seconds * RATE)).astype(np.int16)


def make(dataset, *files):
    """A dataset of half-second clips that all differ."""
    for number, file in enumerate(files):
        (dataset / file).parent.mkdir(parents=True, exist_ok=True)
        write_wav(dataset / file, noise(0.5, hash(file) % 1000))
        label = file.split("/")[0]
        metadata.add_row(dataset, Row(file, label, note=f"n{number}", speaker=f"s{number}"))
    return dataset


def consistent(dataset):
    """Check that every row has its file and vice versa. Returns the rows."""
    found = metadata.load(dataset)
    assert found.problems == []
    for row in found.rows:
        assert (dataset / row.file).is_file()
        assert row.file.startswith(f"{row.label}/")
    return found.rows


def samples(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


# ---- cutting ----


@pytest.fixture
def recording(tmp_path):
    """Ten seconds of audio with a label track."""
    pcm = noise(10)
    soundfile.write(tmp_path / "rec.wav", pcm, RATE, subtype="PCM_16")
    track = "1.0\t2.0\tDog bark\n4\t7.25\train\n8.5\t8.5\tDog bark\n"
    (tmp_path / "rec.txt").write_text(track)
    return tmp_path / "rec.wav"


def test_labelled_parts_become_clips_sample_by_sample(recording, tmp_path):
    result = run("cut", recording, "--dataset", tmp_path / "d", "--set", "test")
    assert result.exit_code == 1 and "is a point: give --seconds" in result.output
    rows = consistent(tmp_path / "d")
    whole = samples(recording)
    assert [(row.label, row.set) for row in rows] == [("Dog_bark", "test"), ("rain", "test")]
    assert len({row.source for row in rows}) == 1 and rows[0].source.startswith("rec-")
    for row, (start, stop) in zip(rows, [(1, 2), (4, 7.25)], strict=True):
        expected = whole[int(start * RATE) : int(stop * RATE)]
        np.testing.assert_array_equal(samples(tmp_path / "d" / row.file), expected)
        assert (float(row.extra["start"]), float(row.extra["end"])) == (start, stop)


def test_clips_of_one_length_have_the_sound_in_the_middle(recording, tmp_path):
    good("cut", recording, "--dataset", tmp_path / "d", "--seconds", 2, "--hop", 0.5)
    rows = consistent(tmp_path / "d")
    starts = [(row.label, float(row.extra["start"])) for row in rows]
    assert starts == [
        ("Dog_bark", 0.5),
        *(("rain", t) for t in (4.0, 4.5, 5.0)),
        ("Dog_bark", 7.5),
    ]
    assert {len(samples(tmp_path / "d" / row.file)) for row in rows} == {2 * RATE}


def test_labels_come_back_out(recording, tmp_path):
    good("cut", recording, "--dataset", tmp_path / "d", "--seconds", 1)
    good("labels", recording, "--dataset", tmp_path / "d", "-o", tmp_path / "back.txt")
    labels, problems = read_track(tmp_path / "back.txt")
    rows = consistent(tmp_path / "d")
    assert sorted((f"{x.start:.4f}", x.label) for x in labels) == sorted(
        (row.extra["start"], row.label) for row in rows
    )
    assert problems == []


def test_cutting_again_adds_clips_of_other_names(recording, tmp_path):
    for _ in range(2):
        good("cut", recording, "--dataset", tmp_path / "d", "--seconds", 1)
    rows = consistent(tmp_path / "d")
    assert len({row.file for row in rows}) == len(rows) == 10


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (96000, 1)])
def test_any_rate_is_cut_at_the_right_time(tmp_path, rate, channels):
    """A tone that begins at 1.5 s."""
    t = np.arange(4 * rate) / rate
    tone = np.where(t >= 1.5, 0.5 * np.sin(2 * np.pi * 440 * t), 0)
    soundfile.write(tmp_path / "r.flac", np.stack([tone] * channels, 1), rate)
    (tmp_path / "r.txt").write_text("1\t2\tx\n")
    good("cut", tmp_path / "r.flac", "--dataset", tmp_path / "d")
    (row,) = consistent(tmp_path / "d")
    pcm = np.abs(samples(tmp_path / "d" / row.file).astype(int))
    assert len(pcm) == RATE
    begin = int(np.argmax(pcm > 1000))
    assert begin == pytest.approx(RATE / 2, abs=40)


@given(
    st.lists(st.tuples(st.integers(-300, 1200), st.integers(1, 400)), max_size=8),
    st.lists(st.integers(1, 500), min_size=1, max_size=6),
)
@settings(max_examples=depth(15, 600))
def test_spans_are_what_slices_are(spans, sizes):
    """Spans equal array slices, for blocks of any size, padded with silence beyond the ends."""
    pcm = np.arange(1, sum(sizes) + 1).astype(np.int16)
    ends = np.cumsum(sizes)
    got = {}
    with pytest.MonkeyPatch.context() as patch:
        pieces = np.split(pcm, ends[:-1])
        patch.setattr("otolith.audio.recordings.pcm_blocks", lambda path: iter(pieces))
        cut_out(
            "x",
            [Span(start, start + size, (start, size)) for start, size in spans],
            lambda span, part: got.setdefault(span.about, part),
        )
    padded = np.pad(pcm, (300, 2000))
    for start, size in spans:
        np.testing.assert_array_equal(got[start, size], padded[start + 300 : start + 300 + size])


def test_a_short_recording_is_padded():
    (span,) = spans_of(Label(0.1, 0.2, "x"), 1.0, None, RATE // 2)
    assert span.stop - span.start == RATE and span.start < 0


def test_sounds_are_found_and_a_track_is_not_overwritten(tmp_path):
    pcm = noise(6, level=20)
    for start in (1.0, 3.0, 4.5):
        pcm[int(start * RATE) : int((start + 0.5) * RATE)] += noise(0.5, 3)
    soundfile.write(tmp_path / "r.wav", pcm, RATE, subtype="PCM_16")
    good("segment", tmp_path / "r.wav", "--label", "knock")
    labels, _ = read_track(tmp_path / "r.txt")
    assert [round(x.start + 0.05, 1) for x in labels] == [1.0, 3.0, 4.5]
    assert all(x.end - x.start == pytest.approx(0.6, abs=0.05) for x in labels)
    again = run("segment", tmp_path / "r.wav")
    assert again.exit_code == 1 and "--force" in again.output
    assert read_track(tmp_path / "r.txt")[0] == labels


def test_what_can_not_be_cut_is_one_line(tmp_path):
    (tmp_path / "r.wav").write_bytes(b"RIFF")
    (tmp_path / "r.txt").write_text("0\t1\ta\n")
    result = run("cut", tmp_path / "r.wav", "--dataset", tmp_path / "d")
    assert result.exit_code == 1 and len(result.output.splitlines()) == 1
    assert not (tmp_path / "d").exists()


# ---- relabelling ----


def test_relabelling_moves_files_and_rows(tmp_path):
    d = make(tmp_path / "d", "a/1.wav", "a/2.wav", "b/1.wav")
    before = samples(d / "a/1.wav")
    good("relabel", "a", "b", "--dataset", d)
    rows = consistent(d)
    assert sorted(row.file for row in rows) == ["b/1-2.wav", "b/1.wav", "b/2.wav"]
    np.testing.assert_array_equal(samples(d / "b/1-2.wav"), before)
    assert {row.note for row in rows} == {"n0", "n1", "n2"}
    assert not (d / "a").exists()


def test_some_clips_of_a_label_move(tmp_path):
    d = make(tmp_path / "d", "a/x1.wav", "a/x2.wav", "a/y.wav")
    good("relabel", "a", "c", "--files", "a/x*", "--dataset", d)
    assert sorted(row.file for row in consistent(d)) == ["a/y.wav", "c/x1.wav", "c/x2.wav"]


@pytest.mark.parametrize("fails", ["copy", "save", "delete"])
def test_a_failure_in_the_middle_loses_nothing(tmp_path, monkeypatch, fails):
    d = make(tmp_path / "d", "a/1.wav", "a/2.wav", "a/3.wav")
    sounds = sorted(samples(d / f"a/{i}.wav").tobytes() for i in (1, 2, 3))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    calls = []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2 or fails == "save":
            raise full
        return copy(*arguments, **options) if fails == "copy" else None

    copy = shutil.copyfile
    if fails == "copy":
        monkeypatch.setattr(relabel.shutil, "copyfile", failing)
    elif fails == "save":
        monkeypatch.setattr(metadata.Metadata, "save", failing)
    else:
        monkeypatch.setattr(type(d), "unlink", failing)
    result = run("relabel", "a", "b", "--dataset", d)
    assert result.exit_code != 0
    monkeypatch.undo()
    rows = consistent(d)
    assert sorted(samples(d / row.file).tobytes() for row in rows) == sounds
    assert len({row.label for row in rows}) == 1  # all rows were relabelled, or none


def test_removed_clips_are_gone_with_their_rows(tmp_path):
    d = make(tmp_path / "d", "a/1.wav", "a/2.wav", "b/1.wav")
    good("remove", "a/1.wav", "b", "--yes", "--dataset", d)
    assert [row.file for row in consistent(d)] == ["a/2.wav"]
    assert [p.name for p in d.rglob("*.wav")] == ["2.wav"]


@pytest.mark.parametrize(
    "arguments",
    [("relabel", "none", "b"), ("relabel", "a", "../b"), ("remove", "none", "--yes")],
)
def test_what_is_not_there_is_one_line(tmp_path, arguments):
    d = make(tmp_path / "d", "a/1.wav")
    result = run(*arguments, "--dataset", d)
    assert result.exit_code == 1 and len(result.output.splitlines()) == 1
    assert len(consistent(d)) == 1


# ---- merging and joining ----


def test_merged_datasets_have_each_sound_once(tmp_path):
    a = make(tmp_path / "a", "x/1.wav", "y/1.wav")
    b = make(tmp_path / "b", "z/9.wav")
    (b / "x").mkdir()
    write_wav(b / "x/1.wav", noise(0.3, 77))  # same name, other sound
    metadata.add_row(b, Row("x/1.wav", "x", extra={}))
    shutil.copy(a / "y/1.wav", b / "z/copy.wav")  # same sound, other name and label
    metadata.add_row(b, Row("z/copy.wav", "z"))
    result = run("merge", a, b, "-o", tmp_path / "all")
    assert result.exit_code == 1 and "there as another label" in result.output
    rows = consistent(tmp_path / "all")
    assert sorted(row.file for row in rows) == ["x/1-2.wav", "x/1.wav", "y/1.wav", "z/9.wav"]
    assert len(consistent(a)) == 2
    good("merge", a, "-o", tmp_path / "all")
    assert len(consistent(tmp_path / "all")) == 4


def test_foreign_columns_are_merged(tmp_path):
    a = make(tmp_path / "a", "x/1.wav")
    found = metadata.load(a)
    found.columns.append("colour")
    found.rows[0].extra["colour"] = "red"
    found.save(a)
    good("merge", a, "-o", tmp_path / "all")
    assert consistent(tmp_path / "all")[0].extra == {"colour": "red"}


def test_joined_clips_come_apart_again(tmp_path):
    d = make(tmp_path / "d", "a/1.wav", "b/1.wav", "a/2.wav")
    good("join", "a", "b", "-o", tmp_path / "tour.wav", "--gap", 0.25, "--dataset", d)
    good("cut", tmp_path / "tour.wav", "--dataset", tmp_path / "again")
    rows, before = consistent(tmp_path / "again"), consistent(d)
    assert sorted(row.label for row in rows) == ["a", "a", "b"]
    assert {samples(tmp_path / "again" / row.file).tobytes() for row in rows} == {
        samples(d / row.file).tobytes() for row in before
    }


# ---- pictures and sound ----


def test_plots_are_pictures(tmp_path):
    d = make(tmp_path / "d", "a/1.wav", "a/2.wav")
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    result = run("plot", "a", tmp_path / "bad.wav", "-o", tmp_path / "p.png", "--dataset", d)
    assert result.exit_code == 1 and "bad.wav" in result.output
    assert (tmp_path / "p.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_playing_without_a_loudspeaker_is_one_line(tmp_path, monkeypatch):
    import sounddevice

    def nobody(*_, **__):
        raise sounddevice.PortAudioError("Error querying device -1")

    monkeypatch.setattr(sounddevice, "play", nobody)
    d = make(tmp_path / "d", "a/1.wav")
    result = run("play", "a", "--dataset", d)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].endswith("no loudspeaker? (--device)")


def test_what_is_played_is_the_clip(tmp_path, monkeypatch):
    import sounddevice

    heard = []
    monkeypatch.setattr(sounddevice, "play", lambda pcm, rate, **_: heard.append((pcm, rate)))
    d = make(tmp_path / "d", "a/1.wav")
    good("play", "a", "--dataset", d)
    np.testing.assert_array_equal(heard[0][0], samples(d / "a/1.wav"))
    assert heard[0][1] == RATE


def test_json_answers_can_be_read(recording, tmp_path):
    arguments = ("--dataset", tmp_path / "d", "--seconds", 1, "--json")
    counts = json.loads(good("cut", recording, *arguments).stdout)
    assert counts["clips"] == {"Dog_bark": 2, "rain": 3}
