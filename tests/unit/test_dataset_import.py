"""host data import: formats against libsndfile and ideal tones, layouts, broken files."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from otolith import paths
from otolith.audio.convert import convert
from otolith.data import layouts, metadata
from otolith.data.layouts import as_label
from otolith.data.metadata import Row
from otolith.growing import Growing
from support.dataset_files import RATE, host, noise, read, tone, write

ESC10 = paths.test_data() / "esc10"


def rows(folder):
    return metadata.load(folder).rows


def imported(tmp_path, *arguments, code=0):
    """Run the command and return its JSON."""
    done = host("import", *arguments, "--dataset", tmp_path / "dataset", "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def only(folder):
    (row,) = rows(folder)
    return read(folder / row.file)


ROUNDING = 12**-0.5  # RMS of rounding to 16 bits, in steps


@pytest.mark.parametrize(
    ("rate", "subtype", "channels", "suffix", "noise_steps"),
    [
        (16000, "PCM_24", 1, "wav", ROUNDING),
        (16000, "FLOAT", 2, "wav", ROUNDING),
        (8000, "PCM_16", 1, "wav", 2**0.5 * ROUNDING),  # rounded twice
        (96000, "PCM_24", 2, "wav", ROUNDING),
        (44100, "PCM_16", 1, "flac", 2**0.5 * ROUNDING),
        (22050, "PCM_16", 2, "aiff", 2**0.5 * ROUNDING),
        (44100, "VORBIS", 1, "ogg", 150),  # noise of the codec
    ],
)
def test_a_tone_stays_the_tone(tmp_path, rate, subtype, channels, suffix, noise_steps):
    """Same pitch, level and time: after subtracting the ideal tone, only rounding remains."""
    samples = np.tile(tone(1001, 2, rate)[:, None], channels)
    if subtype == "PCM_16":
        samples = np.round(samples * 32768).astype(np.int16)
    write(tmp_path / "in" / f"t.{suffix}", samples, rate, subtype)
    imported(tmp_path, tmp_path / "in", "--label", "tone")
    pcm = only(tmp_path / "dataset")
    assert len(pcm) == 2 * RATE
    # every resampler rings at the edges
    error = (pcm - 32768 * tone(1001, 2))[RATE // 4 : -RATE // 4]
    assert np.sqrt(np.mean(error**2)) < 1.05 * noise_steps


def test_what_16_khz_cannot_hold_is_gone(tmp_path):
    write(tmp_path / "t.wav", tone(11000, 1, 48000), 48000)  # would alias to 5 kHz
    imported(tmp_path, tmp_path / "t.wav")
    assert np.abs(only(tmp_path / "dataset")[2000:-2000]).max() <= 1


def test_channels_are_averaged(tmp_path):
    a, b = noise(1), noise(2)
    write(tmp_path / "t.wav", np.stack([a, b], 1))
    imported(tmp_path, tmp_path / "t.wav")
    exact = (a.astype(float) + b) / 2
    assert np.abs(only(tmp_path / "dataset") - exact).max() <= 0.5


def test_what_fits_is_kept_bit_for_bit(tmp_path):
    pcm = np.array([-32768, -32767, -1, 0, 1, 32767] * 100, np.int16)
    write(tmp_path / "t.flac", pcm)
    imported(tmp_path, tmp_path / "t.flac")
    assert (only(tmp_path / "dataset") == pcm).all()


def test_eight_bits(tmp_path):
    with wave.open(str(tmp_path / "t.wav"), "wb") as file:
        file.setparams((1, 1, RATE, 0, "NONE", None))
        file.writeframes(bytes(range(256)))
    imported(tmp_path, tmp_path / "t.wav")
    assert (only(tmp_path / "dataset") == 256 * np.arange(-128, 128)).all()


def test_floats_are_rounded_and_saturate(tmp_path):
    samples = np.array([0.6, 1.4, -0.6, 2.5, 40000, -40000]) / 32768
    write(tmp_path / "t.wav", samples, subtype="DOUBLE")
    said = imported(tmp_path, tmp_path / "t.wav")
    assert only(tmp_path / "dataset").tolist() == [1, 1, -1, 2, 32767, -32768]
    assert len(said["cut_off"]) == 1


def test_a_long_file_in_blocks_is_as_one_block(tmp_path, monkeypatch):
    write(tmp_path / "t.wav", noise(1, 3), 44100)
    whole = convert(tmp_path / "t.wav", tmp_path / "a", 0, frozenset())
    monkeypatch.setattr("otolith.audio.decode.BLOCK", 1000)
    parts = convert(tmp_path / "t.wav", tmp_path / "b", 0, frozenset())
    a, b = read(whole.clips[0]), read(parts.clips[0])
    assert len(a) == len(b)
    assert np.abs(a.astype(int) - b).max() <= 1


def test_cutting(tmp_path):
    pcm = noise(1, 3.6)
    pcm[RATE : 2 * RATE] = 0
    write(tmp_path / "rain" / "t.wav", pcm)
    write(tmp_path / "rain" / "short.wav", noise(2, 0.2))
    write(tmp_path / "rain" / "rest.wav", noise(3, 1.3))
    said = imported(tmp_path, tmp_path / "rain", "--seconds", 1)
    found = rows(tmp_path / "dataset")
    # 3 of t (a silent second dropped, 0.6 s kept), short in full, rest without its last 0.3 s
    assert (said["files"], said["clips"], said["dropped"]) == (3, 5, 2)
    by_source = {}
    for row in found:
        by_source.setdefault(row.source.split("-")[0], []).append(
            read(tmp_path / "dataset" / row.file)
        )
    t = by_source["t"]
    assert [len(x) for x in t] == [RATE, RATE, round(0.6 * RATE)]
    assert (np.concatenate(t) == np.delete(pcm, np.s_[RATE : 2 * RATE])).all()
    assert [len(x) for x in by_source["short"]] == [round(0.2 * RATE)]
    assert [len(x) for x in by_source["rest"]] == [RATE]


def test_the_same_again_adds_nothing(tmp_path):
    for n in range(3):
        write(tmp_path / "dog" / f"{n}.wav", noise(n))
    write(tmp_path / "dog" / "copy.wav", noise(1))
    first = imported(tmp_path, tmp_path / "dog")
    assert (first["files"], first["already"]) == (3, 1)
    before = (tmp_path / "dataset" / metadata.NAME).read_bytes()
    again = imported(tmp_path, tmp_path / "dog")
    assert (again["files"], again["clips"], again["already"]) == (0, 0, 4)
    assert (tmp_path / "dataset" / metadata.NAME).read_bytes() == before
    assert len(list((tmp_path / "dataset").rglob("*.wav"))) == 3
    assert (
        "4 files were there already"
        in host("import", tmp_path / "dog", "--dataset", tmp_path / "dataset").output
    )


def test_the_same_sound_as_another_class_is_told(tmp_path):
    write(tmp_path / "in" / "cat" / "a.wav", noise(1))
    write(tmp_path / "in" / "dog" / "b.wav", noise(1))
    said = imported(tmp_path, tmp_path / "in", code=1)
    assert said["clips"] == 1 and "b.wav: the same file is there as cat" in said["problems"][0]


def broken(folder):
    """One good file among all kinds of broken ones. Returns the message expected for each."""
    write(folder / "good.wav", noise(1))
    whole = (folder / "good.wav").read_bytes()
    (folder / "empty.wav").write_bytes(b"")
    (folder / "cut.wav").write_bytes(whole[:-100])
    (folder / "text.wav").write_text("not a sound")
    (folder / "headers.wav").write_bytes(whole[:44])
    (folder / "noise.ogg").write_bytes(np.random.default_rng(1).bytes(3000))
    (folder / "samples.raw").write_bytes(bytes(100))
    write(folder / "silent.wav", np.zeros(0, np.int16))
    write(folder / "nan.wav", np.array([0.1, np.nan]), subtype="FLOAT")
    write(folder / "slow.wav", noise(2), 500)
    (folder / "README.md").write_text("no sound, and no problem")
    (folder / "gone.wav").symlink_to(folder / "nowhere.wav")
    os.mkfifo(folder / "pipe.wav")
    return {
        "empty.wav": "empty",
        "gone.wav": "No such file",
        "headers.wav": "cut short",
        "nan.wav": "not numbers",
        "noise.ogg": "not a sound file",
        "pipe.wav": "no regular file",
        "samples.raw": "not a sound file",
        "silent.wav": "no samples",
        "slow.wav": "500 Hz",
        "text.wav": "not a sound file",
    }


@pytest.mark.parametrize("processes", [False, True])
def test_one_line_for_each_bad_file_and_the_rest_goes_on(tmp_path, monkeypatch, processes):
    monkeypatch.setattr("otolith.data.importing._FEW", 0 if processes else 100)
    expected = broken(tmp_path / "dog")
    said = imported(tmp_path, tmp_path / "dog", code=1)
    assert said["clips"] == 2
    assert len(said["warnings"]) == 1 and "cut.wav: cut short: 100 bytes" in said["warnings"][0]
    lines = {Path(line.partition(": ")[0]).name: line for line in said["problems"]}
    assert set(lines) == set(expected) and len(said["problems"]) == len(expected)
    for name, why in expected.items():
        assert why in lines[name] and "\n" not in lines[name], lines[name]
    left = [p.name for p in (tmp_path / "dataset").rglob("*") if p.is_file()]
    assert len(left) == 3 and metadata.NAME in left  # nothing temporary


def test_folders_that_cannot_be_read(tmp_path, monkeypatch):
    for name in ("cat", "dog"):
        write(tmp_path / "in" / name / "a.wav", noise(len(name) + ord(name[0])))
    (tmp_path / "nothing").mkdir()
    listdir = os.listdir

    def refused(folder):
        if Path(folder).name == "cat":  # root may read everything
            raise PermissionError(13, "Permission denied", str(folder))
        return listdir(folder)

    monkeypatch.setattr("otolith.data.layouts.os.listdir", refused)
    said = imported(tmp_path, tmp_path / "in", tmp_path / "nothing", tmp_path / "gone", code=1)
    assert said["clips"] == 1
    assert [line.removeprefix(str(tmp_path)) for line in said["problems"]] == [
        "/in/cat: Permission denied: nothing in it was imported",
        "/nothing: no sound files in it (folders layout)",
        "/gone: no such file or folder",
    ]


def test_rows_that_were_there_stay(tmp_path):
    folder = tmp_path / "dataset"
    write(folder / "a" / "1.wav", noise(1))
    (folder / metadata.NAME).write_text("colour,file,label\nred,a/1.wav,a\ntoo,few\n")
    write(tmp_path / "b" / "2.wav", noise(2))
    done = host("import", tmp_path / "b", "--dataset", folder)
    assert done.exit_code == 0 and "2 fields, the header has 3" in done.output
    with (folder / metadata.NAME).open() as file:
        table = list(csv.reader(file))
    assert table[0][:3] == ["colour", "file", "label"] and "origin" in table[0]
    assert table[1][:3] == ["red", "a/1.wav", "a"]
    assert table[2][1].startswith("b/2-") and table[2][2] == "b"
    assert table[3] == ["too", "few"]


def test_a_disk_that_refuses_rows_leaves_no_clips_without_them(tmp_path, monkeypatch):
    write(tmp_path / "dog" / "a.wav", noise(1))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("otolith.data.metadata.write_bytes", full)
    done = host("import", tmp_path / "dog", "--dataset", tmp_path / "dataset")
    assert done.exit_code == 1 and "No space left on device" in done.output
    assert not list(tmp_path.glob("dataset/**/*.wav"))


def test_a_full_disk_keeps_what_was_imported_before(tmp_path, monkeypatch):
    for n in range(6):
        write(tmp_path / "dog" / f"{n}.wav", noise(n))
    really, left = Growing.append, [3.5 * 32000]

    def until_full(self, data):
        left[0] -= len(data)
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        really(self, data)

    monkeypatch.setattr(Growing, "append", until_full)
    done = host("import", tmp_path / "dog", "--dataset", tmp_path / "dataset")
    assert done.exit_code == 1 and done.output.endswith("left on device: free some space\n")
    assert [len(read(tmp_path / "dataset" / row.file)) for row in rows(tmp_path / "dataset")] == [
        RATE
    ] * 3
    monkeypatch.undo()
    again = imported(tmp_path, tmp_path / "dog")
    assert (again["files"], again["already"]) == (3, 3)
    assert len(list(tmp_path.glob("dataset/**/*.wav"))) == 6


def test_folders_layout(tmp_path):
    write(tmp_path / "in" / "dog" / "a b.wav", noise(1))
    write(tmp_path / "in" / "dog" / "deep" / "c.wav", noise(2))
    write(tmp_path / "in" / "Tür zu" / "d.wav", noise(3))
    write(tmp_path / "in" / "top.wav", noise(4))
    (tmp_path / "in" / "dog" / "deep" / "round").symlink_to(tmp_path / "in")
    imported(tmp_path, tmp_path / "in", "--set", "test", "--speaker", "anna")
    found = rows(tmp_path / "dataset")
    assert {row.label for row in found} == {"Tür_zu", "deep", "dog", "in"}
    assert {(row.set, row.speaker) for row in found} == {("test", "anna")}
    assert len({row.source for row in found}) == 4


def test_a_dataset_below_what_is_imported_is_left_out(tmp_path):
    write(tmp_path / "dog" / "a.wav", noise(1))
    for _ in range(2):
        assert host("import", tmp_path, "--dataset", tmp_path / "dataset").exit_code == 0
    assert [row.label for row in rows(tmp_path / "dataset")] == ["dog"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        *(("a b", "a_b"), ("é", "é"), ("--x", "x"), ("犬", "犬"), ("-", "")),
        *(("../..", "_"), ("a" * 99, "a" * 64)),
    ],
)
def test_labels(name, label):
    assert as_label(name) == label


def test_esc_50(tmp_path):
    esc = tmp_path / "ESC-50-master"
    write(esc / "audio" / "1-100032-A-0.wav", noise(1))
    write(esc / "audio" / "2-100032-B-0.wav", noise(2))
    write(esc / "audio" / "3-7-A-10.wav", noise(3))
    (esc / "meta").mkdir()
    (esc / "meta" / "esc50.csv").write_text(
        "filename,fold,target,category,esc10,src_file,take\n"
        "1-100032-A-0.wav,1,0,dog,True,100032,A\n"
        "2-100032-B-0.wav,2,0,dog,True,100032,B\n"
        "../../etc/passwd,2,0,dog,True,1,B\n"
        "4-1-A-0.wav,4,0,dog,True,1,A\n"
        "3-7-A-10.wav\n"
        "3-7-A-10.wav,3,10,rain,True,7,A\n"
    )
    said = imported(tmp_path, esc, code=1)
    assert [line.rpartition("csv")[2].split(": ", 1)[0] for line in said["problems"]] == [
        ":4",
        ":5",
        ":6",
    ]
    assert {
        (r.label, r.source, r.extra["fold"], r.extra["src_file"])
        for r in rows(tmp_path / "dataset")
    } == {
        ("dog", "freesound-100032", "1", "100032"),
        ("dog", "freesound-100032", "2", "100032"),
        ("rain", "freesound-7", "3", "7"),
    }
    assert imported(tmp_path, esc / "audio", code=1)["already"] == 3


def test_esc_10(tmp_path):
    write(tmp_path / "in" / "001 - Dog bark" / "1-30226-A.ogg", tone(), 44100, "VORBIS")
    write(tmp_path / "in" / "009 - Rooster" / "2-5-B.ogg", tone(300), 44100, "VORBIS")
    assert layouts.detect(tmp_path / "in" / "009 - Rooster") == "esc"
    imported(tmp_path, tmp_path / "in")
    assert {
        (r.label, r.source, r.extra["fold"], r.extra["src_file"])
        for r in rows(tmp_path / "dataset")
    } == {
        ("dog_bark", "freesound-30226", "1", "30226"),
        ("rooster", "freesound-5", "2", "5"),
    }


def test_speech_commands(tmp_path):
    root = tmp_path / "in"
    for n, name in enumerate(
        ("yes/aa_nohash_0", "yes/bb_nohash_0", "no/aa_nohash_1", "no/cc_nohash_0")
    ):
        write(root / f"{name}.wav", noise(n))
    write(root / "_background_noise_" / "tap.wav", noise(9, 3.2))
    (root / "validation_list.txt").write_text("yes/bb_nohash_0.wav\n")
    (root / "testing_list.txt").write_text("no/cc_nohash_0.wav\n")
    imported(tmp_path, root)
    found = rows(tmp_path / "dataset")
    assert {(r.label, r.speaker, r.set) for r in found} == {
        ("yes", "aa", "train"),
        ("yes", "bb", "validate"),
        ("no", "aa", "train"),
        ("no", "cc", "test"),
        ("background", "", ""),
    }
    assert sum(r.label == "background" for r in found) == 3
    assert layouts.detect(root / "yes") == "speech-commands"
    imported(tmp_path / "whole", root, "--whole")
    assert sum(r.label == "background" for r in rows(tmp_path / "whole" / "dataset")) == 1


@pytest.mark.parametrize(
    "options",
    [["--label", "a/b"], ["--label", ""], ["--seconds", "nan"], ["--whole", "--seconds", "1"]],
)
def test_options_that_make_no_sense(tmp_path, options):
    write(tmp_path / "a.wav", noise(1))
    done = host("import", tmp_path / "a.wav", "--dataset", tmp_path / "dataset", *options)
    assert done.exit_code and len(done.output.splitlines()[-1:]) == 1
    assert not (tmp_path / "dataset").exists()


def test_ctrl_c_keeps_what_was_imported(tmp_path):
    for n in range(300):
        write(tmp_path / "dog" / f"{n:03}.wav", noise(n, 10))
    command = [sys.executable, "-m", "otolith", "data", "import", str(tmp_path / "dog")]
    folder = tmp_path / "dataset"
    process = subprocess.Popen(
        [*command, "--dataset", str(folder)],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while process.poll() is None and not list(folder.glob(".importing-*/*/*.wav")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert b"Traceback" not in said
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.wav"))
    assert files == sorted(row.file for row in rows(folder))
    assert not list(folder.glob(".importing-*"))


def test_names_of_files_tell_labels_and_speakers(tmp_path):
    for number, name in enumerate(("7_ada_0", "7_bo_12", "nine_ada_1", "stray")):
        write(tmp_path / "in" / f"{name}.wav", noise(number))
    said = imported(tmp_path, tmp_path / "in", "--names", "{label}_{speaker}_{take}", code=1)
    assert said["clips"] == 3 and "stray.wav: its name is not" in said["problems"][0]
    found = {(row.label, row.speaker) for row in rows(tmp_path / "dataset")}
    assert found == {("7", "ada"), ("7", "bo"), ("nine", "ada")}


def test_names_can_tell_sets_and_leave_labels_to_folders(tmp_path):
    for number, name in enumerate(("test-a", "train-b", "exam-c")):
        write(tmp_path / "in" / "knock" / f"{name}.wav", noise(number))
    said = imported(tmp_path, tmp_path / "in", "--names", "{set}-{}", code=1)
    assert len(said["problems"]) == 1 and "exam is no set" in said["problems"][0]
    assert {(r.label, r.set) for r in rows(tmp_path / "dataset")} == {
        ("knock", "test"),
        ("knock", "train"),
    }


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("{label}{speaker}", "something between"),
        ("{label", "something between"),
        ("{label}_{label}", "stands twice"),
        ("{take}", "none of {label}"),
    ],
)
def test_names_that_say_nothing_clear_are_refused(tmp_path, names, said):
    done = host("import", tmp_path, "--dataset", tmp_path / "dataset", "--names", names)
    assert done.exit_code != 0 and said in str(done.exception) + done.output


@pytest.mark.skipif(not ESC10.is_dir(), reason="no ESC-10 ($OTOLITH_DATA)")
def test_real_recordings(tmp_path):
    said = imported(tmp_path, ESC10 / "001 - Dog bark", "--layout", "esc", "--label", "dog_bark")
    assert said["clips"] == 32
    row = next(r for r in rows(tmp_path / "dataset") if "1-30226-A" in r.file)
    assert isinstance(row, Row) and row.source == "freesound-30226"
    data, rate = soundfile.read(ESC10 / "001 - Dog bark" / "1-30226-A.ogg")
    pcm = read(tmp_path / "dataset" / row.file)
    assert abs(len(pcm) - len(data) * RATE / rate) <= 1
    # below 7 kHz the spectrum is the recording's
    ours = np.abs(np.fft.rfft(pcm / 32768))[: int(7000 * len(pcm) / RATE)] / len(pcm)
    theirs = np.abs(np.fft.rfft(data))[: len(ours)] / len(data)
    assert np.sqrt(np.mean((ours - theirs) ** 2)) < 0.02 * np.sqrt(np.mean(theirs**2))
