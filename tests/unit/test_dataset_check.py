"""host data check and host data stats: each fault is planted once, and only that is found."""

import json
import math
import os
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.data import metadata
from otolith.data.clips import measure
from otolith.data.metadata import SETS, Row
from support.dataset_files import RATE, dataset, host, noise, tone, write

PNG = b"\x89PNG\r\n\x1a\n"


def checked(folder, *options, code=0):
    done = host("check", "--dataset", folder, "--json", *options)
    assert done.exit_code == code, done.output
    found = json.loads(done.stdout)
    return {
        level: sorted((f["kind"], *sorted(f["files"])) for f in found[level])
        for level in ("errors", "warnings")
    }


def clean():
    """Rows of a dataset without any fault."""
    return [
        Row(f"{label}/{n}.wav", label, SETS[n % 3], speaker=f"{label}{n}", source=f"{label} {n}")
        for label in ("dog", "rain")
        for n in range(10)
    ]


def pcm(values):
    return np.round(np.asarray(values) * 32768).clip(-32768, 32767).astype(np.int16)


def test_a_clean_dataset(tmp_path):
    folder = dataset(tmp_path, clean())
    assert checked(folder) == {"errors": [], "warnings": []}
    assert host("check", "--dataset", folder).output == "20 clips, 20.0 s: 0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    ("kind", "sound"),
    [
        ("clipping", pcm(tone(amplitude=1.5))),
        ("dc", pcm(tone() + 0.02)),
        ("silence", np.zeros(RATE, np.int16)),
        ("silence", pcm(tone(amplitude=0.0013))),
    ],
)
def test_sounds_that_are_warned_of(tmp_path, kind, sound):
    folder = dataset(tmp_path, clean(), {"dog/3.wav": sound})
    assert checked(folder) == {"errors": [], "warnings": [(kind, "dog/3.wav")]}


def test_sounds_that_are_just_good_enough(tmp_path):
    sounds = {
        "dog/1.wav": pcm(tone(amplitude=0.9999)),
        "dog/2.wav": pcm(tone() + 0.0099),
        "dog/3.wav": pcm(tone(amplitude=0.0015)),  # -59.5 dBFS
    }
    assert checked(dataset(tmp_path, clean(), sounds))["warnings"] == []


@pytest.mark.parametrize(
    ("rate", "subtype", "channels"),
    [
        (8000, "PCM_16", 1),
        (96000, "PCM_16", 1),
        (16000, "PCM_U8", 1),
        (16000, "PCM_24", 1),
        (16000, "FLOAT", 1),
        (16000, "PCM_16", 2),
        (16000, "ALAW", 1),
    ],
)
def test_other_formats_are_errors(tmp_path, rate, subtype, channels):
    folder = dataset(tmp_path, clean())
    write(folder / "dog" / "3.wav", np.tile(tone(rate=rate)[:, None], channels), rate, subtype)
    assert checked(folder, code=1) == {"errors": [("format", "dog/3.wav")], "warnings": []}


def test_files_that_are_missing_or_broken(tmp_path):
    folder = dataset(tmp_path, clean())
    whole = (folder / "dog" / "0.wav").read_bytes()
    (folder / "dog" / "1.wav").write_bytes(b"")
    (folder / "dog" / "2.wav").write_bytes(whole[:-7])
    (folder / "dog" / "3.wav").write_bytes(b"RIFF" + bytes(100))
    (folder / "dog" / "4.wav").unlink()
    (folder / "dog" / "5.wav").unlink()
    (folder / "dog" / "5.wav").mkdir()
    (folder / "dog" / "6.wav").unlink()
    os.mkfifo(folder / "dog" / "6.wav")
    with wave.open(str(folder / "dog" / "7.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", None))
    expected = [("unreadable", f"dog/{n}.wav") for n in (1, 2, 3, 5, 6)]
    found = checked(folder, code=1)
    # without samples there is only a header to read
    assert found["errors"] == sorted([*expected, ("format", "dog/7.wav"), ("missing", "dog/4.wav")])
    assert found["warnings"] == []


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    folder = dataset(tmp_path, clean())

    def refused(path):  # root can read everything, so chmod would not help
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("otolith.data.clips.blocks", refused)
    assert measure(folder, "dog/1.wav").problem == "can't be read: Permission denied"


def test_folders_that_cannot_be_read(tmp_path, monkeypatch):
    folder = dataset(tmp_path, clean())
    scandir = os.scandir

    def refused(path):
        if os.fspath(path).endswith("rain"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refused)
    done = host("check", "--dataset", folder)
    assert done.exit_code == 1
    assert f"Error: {folder}/rain: Permission denied" in done.output


def test_files_without_a_row(tmp_path):
    folder = dataset(tmp_path, clean())
    write(folder / "cat" / "1.wav", noise(99))
    write(folder / "cat" / "2.ogg", tone(), subtype="VORBIS")
    write(folder / "cat" / ".unfinished-1.wav", noise(98))
    (folder / "README").write_text("mine")
    assert checked(folder)["warnings"] == [("no-row", "cat/1.wav"), ("no-row", "cat/2.ogg")]


@pytest.mark.parametrize("what", ["speaker", "source"])
def test_leaks(tmp_path, what):
    rows = clean()
    setattr(rows[0], what, getattr(rows[1], what))  # train, validate
    setattr(rows[3], what, getattr(rows[6], what))  # train, train: no leak
    found = checked(dataset(tmp_path, rows), code=1)
    assert found == {"errors": [(f"leak-{what}", "dog/0.wav", "dog/1.wav")], "warnings": []}


@pytest.mark.parametrize(
    ("other", "level", "kind"),
    [
        ("dog/3.wav", "warnings", "duplicate"),
        ("dog/1.wav", "errors", "leak-duplicate"),
        ("rain/3.wav", "errors", "duplicate-label"),
    ],
)
def test_duplicates(tmp_path, other, level, kind):
    sounds = {"dog/0.wav": noise(50), other: noise(50)}
    found = checked(dataset(tmp_path, clean(), sounds), code=level == "errors")
    assert found.pop(level) == [(kind, "dog/0.wav", other)]
    assert list(found.values()) == [[]]


def test_duplicates_behind_other_headers(tmp_path):
    folder = dataset(tmp_path, clean())
    data = (folder / "dog" / "0.wav").read_bytes()
    listed = data[:12] + b"LIST\4\0\0\0abcd" + data[12:]
    (folder / "dog" / "3.wav").write_bytes(listed)
    assert checked(folder)["warnings"] == [("duplicate", "dog/0.wav", "dog/3.wav")]


def test_small_classes_and_sets(tmp_path):
    rows = [*clean(), Row("cat/1.wav", "cat", "train"), Row("dog/x.wav", "dog")]
    found = checked(dataset(tmp_path, rows))
    assert found["warnings"] == [("few",), ("no-set",), ("no-set", "dog/x.wav")]
    assert checked(tmp_path, "--least", 1)["warnings"] == [("no-set",), ("no-set", "dog/x.wav")]


def test_rows_that_make_no_sense_are_reported_and_kept(tmp_path):
    folder = dataset(tmp_path, clean())
    path = folder / metadata.NAME
    text = path.read_text().replace("rain/9.wav,rain,train", "rain/9.wav,rain,exam")
    path.write_text(text + "x\n")
    found = checked(folder, code=1)
    assert found["errors"] == [("bad-row",), ("bad-row",)]
    assert path.read_text() == text + "x\n"


@pytest.mark.parametrize("command", ["check", "stats", "split"])
def test_what_is_no_dataset(tmp_path, command):
    for folder, why in ((tmp_path / "gone", "no such folder"), (tmp_path, "no metadata.csv")):
        done = host(command, "--dataset", folder)
        assert done.exit_code == 1 and why in done.output and len(done.output.splitlines()) == 1


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=300))
def test_measures_are_numpys(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("d")
    x = np.array(values, np.int16)
    write(folder / "x.wav", x)
    clip = measure(folder, "x.wav")
    assert clip.seconds == len(x) / RATE
    assert clip.dc == pytest.approx(np.mean(values) / 32768, abs=1e-12)
    rms = math.sqrt(np.mean(x.astype(float) ** 2)) / 32768
    assert clip.levels.rms_db == (pytest.approx(20 * math.log10(rms)) if rms else -math.inf)


def test_stats(tmp_path):
    rows = [
        Row("dog/1.wav", "dog", "train", speaker="anna", source="a"),
        Row("dog/2.wav", "dog", "test", speaker="ben", source="b"),
        Row("dog/3.wav", "dog", "", speaker="ben", source="b"),
        Row("rain/1.wav", "rain", "train"),
    ]
    sounds = {
        "dog/1.wav": pcm(tone(amplitude=0.5)),
        "dog/2.wav": pcm(tone(amplitude=0.05, seconds=2)),
        "dog/3.wav": np.zeros(RATE, np.int16),
        "rain/1.wav": np.zeros(RATE // 2, np.int16),
    }
    folder = dataset(tmp_path / "d", rows, sounds)
    done = host("stats", "--dataset", folder, "--json", "-o", tmp_path / "s.png")
    found = json.loads(done.stdout)
    dog = found["dog"]
    assert (dog["clips"], dog["seconds"], dog["speakers"], dog["sources"]) == (3, 4.0, 2, 2)
    assert dog["sets"] == {"train": 1, "validate": 0, "test": 1, "none": 1}
    # sines: -9.03 and -29.03 dBFS; silence has no level
    assert dog["rms_dbfs_mean"] == pytest.approx(-19.03, abs=0.01)
    assert dog["rms_dbfs_spread"] == pytest.approx(10, abs=0.01)
    assert found["rain"]["rms_dbfs_mean"] is None
    assert (tmp_path / "s.png").read_bytes().startswith(PNG)
    text = host("stats", "--dataset", folder).output
    assert "-19.0 \u00b1 10.0" in text and "silent" in text


def test_stats_of_clips_that_cannot_be_used(tmp_path):
    folder = dataset(tmp_path, clean())
    (folder / "dog" / "1.wav").write_bytes(b"")
    done = host("stats", "--dataset", folder, "-o", tmp_path / "s.png")
    assert done.exit_code == 0 and "1 clips can't be used" in done.output
