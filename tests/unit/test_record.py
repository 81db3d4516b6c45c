"""host record with simulated sources: which takes are kept or rejected, and the files on disk."""

import errno
import json
import os
import pty
import shutil
import subprocess
import sys
import wave
from datetime import datetime, timedelta

import numpy as np
import pytest
from click.testing import CliRunner

from otolith.audio import RATE
from otolith.audio.blocks import Block
from otolith.cli import main
from otolith.data import metadata
from otolith.errors import UserError
from otolith.record import cli, session
from otolith.record.store import UNFINISHED, Store
from support.full_disk import full_disk

SETTLE = RATE // 4


class Sound:
    """A source that yields `pcm` in blocks of odd sizes, then empty blocks.

    `faults` lists (sample, lost, overflows).
    """

    name = "Otolith Mic E6614C311B5A7E24"

    def __init__(self, pcm, faults=(), after=None):
        self.pcm, self.faults, self.after = pcm, list(faults), after
        self.at = 0
        self.closed = False

    def read(self):
        size = 100 + self.at % 313
        if self.at >= len(self.pcm) and self.after:
            self.after()
        block = self.pcm[self.at : self.at + size]
        hit = [f for f in self.faults if self.at <= f[0] < self.at + size]
        self.at += len(block)
        return Block(block, sum(f[1] for f in hit), sum(f[2] for f in hit))

    def close(self):
        self.closed = True


def noise(seconds, level=20.0):
    rng = np.random.default_rng(int(seconds * 100))
    return np.round(rng.normal(0, level, round(seconds * RATE))).astype(np.int16)


def tone(seconds, amplitude=8000, frequency=1000):
    t = np.arange(round(seconds * RATE)) / RATE
    return np.round(amplitude * np.sin(2 * np.pi * frequency * t)).astype(np.int16)


def hard(pcm):
    """`pcm` as an overdriven microphone gives it."""
    return np.clip(pcm.astype(int) * 10, -32768, 32767).astype(np.int16)


def sound(*parts):
    """These parts, after the stretch that is dropped while the microphone settles."""
    return np.concatenate([np.full(SETTLE, 32767, np.int16), *parts])


@pytest.fixture
def record(tmp_path, monkeypatch):
    """Calls `host record` with a source and a dataset folder of its own."""
    monkeypatch.setattr(session, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(cli, "check_source", lambda device, port: None)

    def call(source, *arguments, label="beep"):
        if not isinstance(source, Sound):
            source = Sound(source)
        monkeypatch.setattr(cli, "open_source", lambda device, port, baud: source)
        options = [str(a) for a in ("--dataset", tmp_path / "dataset", "--countdown", 0)]
        done = CliRunner().invoke(main, ["record", label, *options, *map(str, arguments)])
        assert source.closed or source.at == 0
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    call.dataset = tmp_path / "dataset"
    return call


def read_wav(path):
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE, 2, 1)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def takes(dataset):
    """The dataset's sounds by file name. Also checks that rows and files match exactly."""
    read = metadata.load(dataset)
    assert read.problems == []
    files = sorted(p.relative_to(dataset).as_posix() for p in dataset.rglob("*") if p.is_file())
    assert [f for f in files if f != metadata.NAME] == sorted(row.file for row in read.rows)
    return {row.file: read_wav(dataset / row.file) for row in read.rows}


def rows(dataset):
    return metadata.load(dataset).rows


# ---- takes ----


def test_takes_are_the_samples_one_after_the_other(record):
    played = tone(3.2)
    done = record(sound(played), "--count", 3)
    assert done.exit_code == 0, done.output
    found = takes(record.dataset)
    assert list(found) == sorted(found) and len(found) == 3
    for i, pcm in enumerate(found.values()):
        assert (pcm == played[i * RATE : (i + 1) * RATE]).all()


def test_rows_say_what_was_told_and_what_is_known(record):
    before = datetime.now().astimezone().replace(microsecond=0)
    options = ["--speaker", "Anna, B.", "--set", "test", "--note", 'a "loud" room', "--gain", -6]
    assert record(sound(tone(1)), *options).exit_code == 0
    (row,) = rows(record.dataset)
    assert (row.label, row.set, row.speaker, row.note) == (
        "beep",
        "test",
        "Anna, B.",
        'a "loud" room',
    )
    assert (row.device, row.gain, row.source) == (Sound.name, "-6", "")
    assert before <= datetime.fromisoformat(row.date) <= datetime.now().astimezone()
    (pcm,) = takes(record.dataset).values()
    assert np.abs(pcm).max() == pytest.approx(8000 * 10 ** (-6 / 20), abs=1)


def test_json_is_an_object_a_take(record):
    done = record(sound(np.zeros(RATE, np.int16), tone(2)), "--count", 2, "--json")
    silent, first, second = map(json.loads, done.stdout.splitlines())
    assert not silent["kept"] and silent["file"] is None and "silent" in silent["reason"]
    assert silent["peak_dbfs"] is None
    assert first["kept"] and first["reason"] is None and first["label"] == "beep"
    assert first["peak_dbfs"] == pytest.approx(-12.25, abs=0.02)
    assert first["rms_dbfs"] == pytest.approx(-15.26, abs=0.02)
    assert list(takes(record.dataset)) == [first["file"], second["file"]]


def test_countdown_is_not_recorded(record):
    played = tone(4.5)
    done = record(sound(played), "--countdown", 1, "--count", 2)
    assert done.exit_code == 0
    first, second = takes(record.dataset).values()
    assert (first == played[RATE : 2 * RATE]).all()
    assert (second == played[3 * RATE : 4 * RATE]).all()


@pytest.mark.parametrize(
    ("pcm", "reason"),
    [
        (noise(1, 5), "silent (-7"),
        (np.zeros(RATE, np.int16), "silent (no signal at all: muted?"),
        (np.full(RATE, 3000, np.int16), "silent (no signal at all"),  # DC is ignored
        (hard(tone(1)), "clipped ("),
    ],
)
def test_a_bad_take_is_rejected_with_its_reason_and_tried_again(record, pcm, reason):
    done = record(sound(pcm, tone(1)))
    assert done.exit_code == 0
    assert f"rejected: {reason}" in done.stderr
    (kept,) = takes(record.dataset).values()
    assert (kept == tone(1)).all()


def test_samples_lost_reject_a_take_and_only_that_one(record):
    faults = [(SETTLE - 400, 128, 0), (SETTLE + 9000, 256, 0), (SETTLE + RATE + 9000, 0, 1)]
    done = record(Sound(sound(tone(4)), faults), "--count", 2, "--json")
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(t["kept"], t["lost"], t["overflows"]) for t in said] == [
        (False, 256, 0),
        (False, 0, 1),
        (True, 0, 0),
        (True, 0, 0),
    ]
    assert "256 samples were lost" in said[0]["reason"] and "too slow" in said[1]["reason"]
    assert len(takes(record.dataset)) == 2


def test_gain_that_cuts_off_is_clipping(record):
    done = record(sound(tone(1)), "--gain", 20, "--attempts", 1)
    assert done.exit_code == 1 and "by the gain): lower --gain" in done.stderr
    assert record(sound(tone(1)), "--gain", 10).exit_code == 0
    (pcm,) = takes(record.dataset).values()
    assert np.abs(pcm).max() == pytest.approx(8000 * 10**0.5, abs=1)


def test_clipping_at_the_microphone_is_not_hidden_by_less_gain(record):
    for extra in ([], ["--trim"]):
        done = record(sound(hard(tone(1))), "--gain", -20, "--attempts", 1, *extra)
        assert done.exit_code == 1 and "at full scale" in done.stderr


def test_after_too_many_rejections_it_stops_in_one_line(record):
    done = record(sound(tone(1), noise(9, 5)), "--count", 2, "--attempts", 3)
    assert done.exit_code == 1
    assert done.stderr.count("rejected: silent") == 3
    assert done.stderr.splitlines()[-1].startswith(
        "Error: take 2 was rejected 3 times in a row, last: silent"
    )
    assert len(takes(record.dataset)) == 1


def test_silence_may_be_what_is_wanted(record):
    assert record(sound(noise(1, 5)), "--silence", -100, label="background").exit_code == 0
    assert len(takes(record.dataset)) == 1


def test_a_microphone_that_stops_ends_it_in_one_line(record):
    done = record(sound(tone(1.4)), "--count", 2)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("Error: no sound came from Otolith Mic")
    assert len(takes(record.dataset)) == 1


def test_names_sort_by_time_and_never_collide(tmp_path):
    store = Store(tmp_path, metadata.Row("", "x"))
    at = datetime.now().astimezone()
    names = []
    for _ in range(5):
        take = store.begin(at)
        take.write(tone(0.1))
        names.append(store.keep(take, at))
    later = store.begin(at + timedelta(seconds=1))
    later.write(tone(0.1))
    names.append(store.keep(later, at + timedelta(seconds=1)))
    assert names == sorted(set(names))
    assert list(takes(tmp_path)) == names


# ---- cutting ----


def test_trim_leaves_the_sound_and_a_margin(record):
    quiet, loud = noise(0.35, 3), tone(0.3)
    done = record(sound(quiet, loud, noise(0.4, 3)), "--trim")
    assert done.exit_code == 0, done.output
    (pcm,) = takes(record.dataset).values()
    assert len(pcm) == pytest.approx(0.4 * RATE, abs=2 * RATE // 100)
    at = int(np.argmax(np.abs(pcm) > 1000))
    assert at == pytest.approx(0.05 * RATE, abs=RATE // 100)


def test_trim_to_a_length_puts_the_sound_in_the_middle(record):
    played = np.concatenate([noise(0.9, 3), tone(0.3), noise(0.85, 3)])
    done = record(sound(played), "--trim", "--seconds", 1)
    assert done.exit_code == 0, done.output
    (pcm,) = takes(record.dataset).values()
    assert len(pcm) == RATE
    loud = np.flatnonzero(np.abs(pcm) > 1000)
    assert (loud[0] + loud[-1]) / 2 == pytest.approx(RATE / 2, abs=RATE // 100)


def test_trim_keeps_all_of_a_sound_without_an_end(record):
    assert record(sound(tone(1)), "--trim").exit_code == 0
    (pcm,) = takes(record.dataset).values()
    assert (pcm == tone(1)).all()


LENGTHS = (0.2, 0.5, 1.2, 0.15)


def several():
    parts = [noise(1.5, 3)]
    for i, length in enumerate(LENGTHS):
        parts += [tone(length), noise(1.0 + i / 10, 3)]
    return sound(*parts)


def test_one_stretch_is_split_into_its_sounds(record):
    duration = (len(several()) - SETTLE) / RATE
    done = record(several(), "--continuous", "--duration", duration)
    assert done.exit_code == 0, done.output
    found = takes(record.dataset)
    assert [len(pcm) / RATE for pcm in found.values()] == pytest.approx(
        [length + 0.1 for length in LENGTHS], abs=0.025
    )
    assert list(found) == sorted(found)
    sources = {row.source for row in rows(record.dataset)}
    assert len(sources) == 1 and sources.pop().startswith("recording 20")


def test_takes_of_a_stretch_may_have_one_length(record):
    done = record(several(), "--split", "--seconds", 0.8, "--count", 2)
    assert done.exit_code == 0, done.output
    found = list(takes(record.dataset).values())
    assert [len(pcm) for pcm in found] == [12800, 12800]
    for pcm in found:
        loud = np.flatnonzero(np.abs(pcm) > 1000)
        assert (loud[0] + loud[-1]) / 2 == pytest.approx(6400, abs=RATE // 100)


def test_a_stretch_drops_only_the_takes_that_are_bad(record):
    first = SETTLE + round(1.6 * RATE)  # within the first sound
    duration = (len(several()) - SETTLE) / RATE
    done = record(Sound(several(), [(first, 128, 0)]), "--continuous", "--duration", duration)
    assert done.exit_code == 0 and "128 samples were lost" in done.stderr
    assert len(takes(record.dataset)) == len(LENGTHS) - 1


def test_a_stretch_without_a_sound_says_so(record):
    done = record(sound(noise(3)), "--continuous", "--duration", 2.5)
    assert done.exit_code == 1 and "no sound stood out" in done.stderr
    assert not record.dataset.exists()


def test_a_stretch_keeps_its_takes_when_the_microphone_goes(record):
    done = record(several()[: -RATE // 2], "--continuous")
    assert done.exit_code == 1 and "no sound came" in done.stderr
    assert len(takes(record.dataset)) == len(LENGTHS)


# ---- Ctrl-C ----


@pytest.mark.parametrize(("seconds", "heard", "kept"), [(5, 2.5, 1), (5, 0.5, 0), (1, 0.9, 0)])
def test_ctrl_c_keeps_a_take_that_is_long_enough(record, seconds, heard, kept):
    source = Sound(sound(tone(heard)), after=lambda: os.kill(os.getpid(), 2))
    done = record(source, "--seconds", seconds, "--count", 3)
    assert done.exit_code == 130
    if not kept:
        assert not record.dataset.exists()
        return
    (pcm,) = takes(record.dataset).values()
    assert (pcm == tone(heard)).all()


def test_ctrl_c_is_how_a_stretch_ends(record):
    source = Sound(several()[: -RATE // 2], after=lambda: os.kill(os.getpid(), 2))
    assert record(source, "--continuous").exit_code == 0
    assert len(takes(record.dataset)) == len(LENGTHS)


# ---- a full disk ----


class Disk:
    """Limits os.pwrite to `room` bytes. Then it raises ENOSPC."""

    def __init__(self, monkeypatch, room):
        self.room = room
        self.real = os.pwrite
        monkeypatch.setattr(os, "pwrite", self.pwrite)

    def pwrite(self, fd, data, position):
        if position and self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = self.real(fd, data[: max(self.room, 44)], position)
        self.room -= done if position else 0
        return done


def test_a_full_disk_ends_it_in_one_line_and_nothing_is_half_written(record, monkeypatch):
    Disk(monkeypatch, 2 * RATE + 5000)
    done = record(sound(tone(3)), "--count", 3)
    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: can't write") and "No space left on device: free" in last
    assert len(takes(record.dataset)) == 1


@pytest.mark.parametrize("options", [(), ("--continuous",)])
def test_a_disk_without_any_room_keeps_what_was_recorded_before(record, options):
    assert record(sound(tone(1))).exit_code == 0
    before = takes(record.dataset)
    with full_disk(20_000):
        done = record(sound(tone(1), noise(2)), *options)
    assert done.exit_code == 1
    (line,) = [x for x in done.stderr.splitlines() if x.startswith("Error:")]
    assert "can't write" in line and "File too large" in line
    after = takes(record.dataset)
    assert len(before) == 1 and after.keys() == before.keys()
    assert all((after[name] == before[name]).all() for name in before)


def test_a_long_take_that_fills_the_disk_is_kept_as_far_as_it_goes(record, monkeypatch):
    monkeypatch.setattr(session, "_LONG", 5 * RATE)
    Disk(monkeypatch, 2 * 10 * RATE)
    done = record(sound(tone(20)), "--seconds", 20)
    assert done.exit_code == 1 and "No space left" in done.stderr
    (pcm,) = takes(record.dataset).values()
    assert 5 * RATE < len(pcm) < 10 * RATE and (pcm == tone(20)[: len(pcm)]).all()


@pytest.mark.parametrize("step", ["rename", "fsync"])
def test_a_disk_that_fails_at_the_end_of_a_take(record, monkeypatch, step):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "rename":
        monkeypatch.setattr("pathlib.Path.rename", fail)
    else:
        monkeypatch.setattr(os, "fsync", fail)
    done = record(sound(tone(1)))
    assert done.exit_code == 1 and "No space left on device: free some space" in done.stderr
    assert not record.dataset.exists() or list(record.dataset.rglob("*.*")) == []


@pytest.mark.parametrize("long", [False, True])
def test_without_room_for_the_row_there_is_no_take(record, monkeypatch, long):
    def fail(*_):
        raise UserError("can't write metadata.csv: No space left on device")

    assert record(sound(tone(1))).exit_code == 0
    monkeypatch.setattr(metadata, "add_row", fail)
    monkeypatch.setattr(session, "_LONG", RATE if long else 60 * RATE)
    done = record(sound(tone(1)))
    assert done.exit_code == 1 and "No space left" in done.stderr
    unfinished = list((record.dataset / "beep").glob(f"{UNFINISHED}*"))
    assert len(unfinished) == long
    for path in unfinished:  # valid, reported, and under a name that no command reads
        assert (read_wav(path) == tone(1)).all() and str(path) in done.stderr
        path.unlink()
    assert len(takes(record.dataset)) == 1


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 256 kB, enough for 8 s of sound."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if (
        os.geteuid()
        or not shutil.which("mount")
        or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode
    ):
        pytest.skip("can't mount a small disk here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(record, small_disk):
    record.dataset.symlink_to(small_disk)
    done = record(sound(tone(12)), "--count", 12)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("Error: can't write")
    found = takes(record.dataset)
    assert 5 <= len(found) <= 7
    assert all((pcm == tone(12)[i * RATE :][:RATE]).all() for i, pcm in enumerate(found.values()))


# ---- what was left behind, and bad options ----


def test_a_killed_recording_is_pointed_out(record):
    folder = record.dataset / "beep"
    folder.mkdir(parents=True)
    store = Store(record.dataset, metadata.Row("", "beep"))
    left = store.begin(datetime.now().astimezone())
    left.write(tone(2.5))
    assert store.leftovers() == []  # a recording is in progress
    left.close()
    done = record(sound(tone(1)))
    assert f"{left.path}: 2.5 s of a recording that was cut short" in done.stderr
    assert done.exit_code == 0 and (read_wav(left.path) == tone(2.5)).all()


@pytest.mark.parametrize("label", ["a/b", "..", "", "a b", "-x", "x" * 65, "a.b"])
def test_labels_are_names_of_folders(record, label):
    done = CliRunner().invoke(main, ["record", "--", label])
    assert done.exit_code == 1 and "use letters, digits, _ and -" in done.output


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["x", "--device", "a", "--serial", "b"], "choose one"),
        (["x", "--duration", "5"], "--duration is for --continuous"),
        (["x", "--seconds", "0"], "--seconds"),
        (["x", "--countdown", "nan"], "--countdown"),
        (["x", "--set", "all"], "--set"),
        ([], "LABEL is missing"),
    ],
)
def test_bad_options_fail_in_one_line(options, text):
    done = CliRunner().invoke(main, ["record", *options])
    assert done.exit_code == 2 and text in done.output.splitlines()[-1]


def test_a_dataset_that_makes_no_sense_is_found_before_recording(record):
    record.dataset.mkdir()
    (record.dataset / metadata.NAME).write_text("name,colour\n")
    source = Sound(sound(tone(1)))
    done = record(source)
    assert done.exit_code == 1 and "no columns" in done.output and source.at == 0


def test_questions_are_asked_only_on_a_terminal(record):
    """Without a terminal there is no prompt. On a terminal it asks once, before the takes."""
    assert "Speaker" not in record(sound(tone(1))).output
    master, slave = pty.openpty()
    script = (
        "import numpy as np; from otolith.record import cli\n"
        "from otolith.audio.blocks import Block\n"
        "class Source:\n"
        "    name = 'fake'\n"
        "    def read(self): return Block((np.arange(1600) % 16 * 900 - 7000).astype(np.int16))\n"
        "    def close(self): pass\n"
        "cli.check_source = lambda *_: None; cli.open_source = lambda *_: Source()\n"
        "cli.record()"
    )
    arguments = ["beep", "--dataset", str(record.dataset), "--count", "2", "--note", "n"]
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments, "--countdown", "0"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(master, b"Anna\nnowhere\ntrain\n")
        _, err = process.communicate(timeout=20)
    os.close(master)
    os.close(slave)
    assert process.returncode == 0, err
    assert err.count("Speaker") == 1 and err.count("Set") == 2 and "Note" not in err
    assert [(r.speaker, r.set, r.note) for r in rows(record.dataset)][1:] == [
        ("Anna", "train", "n")
    ] * 2
