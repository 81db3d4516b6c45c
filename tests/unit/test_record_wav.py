"""record: levels against known values, and WAV files that are valid at any time."""

import errno
import math
import os
import signal
import subprocess
import sys
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from otolith.audio import RATE
from otolith.audio.levels import RUN, Levels, amplify
from otolith.audio.wav import WavWriter, is_being_written

samples = st.lists(st.sampled_from([-32768, -32767, 0, 5, 32766, 32767]), max_size=60)


def levels_of(*blocks):
    levels = Levels()
    for block in blocks:
        levels.add(np.array(block, np.int16))
    return levels


def sine(amplitude, seconds=1.0):
    t = np.arange(int(seconds * RATE)) / RATE
    return np.round(amplitude * np.sin(2 * np.pi * 440 * t)).astype(np.int16)


def test_levels_of_a_sine():
    levels = levels_of(sine(16384))
    assert levels.peak_db == pytest.approx(-6.02, abs=0.01)
    assert levels.rms_db == pytest.approx(-9.03, abs=0.01)
    assert levels.loudest_db == pytest.approx(-9.03, abs=0.01)
    assert levels.clipped == 0


def test_levels_of_nothing():
    assert levels_of().rms_db == levels_of([0, 0]).peak_db == -math.inf
    assert levels_of([0] * RATE).loudest_db == -math.inf


def test_the_loudest_tenth_of_a_second_counts_and_dc_does_not():
    quiet = np.full(RATE, 2000, np.int16)
    loud = quiet.copy()
    loud[4800:6400] += sine(8192, 0.1)
    assert levels_of(quiet).loudest_db == -math.inf
    assert levels_of(loud).loudest_db == pytest.approx(-15.05, abs=0.1)


@given(samples)
def test_clipping_is_runs_at_full_scale(pcm):
    text = "".join("x" if abs(x) >= 32767 else "." for x in pcm)
    assert levels_of(pcm).clipped == sum(max(0, len(run) - RUN + 1) for run in text.split("."))


@given(st.lists(samples, max_size=6))
def test_levels_do_not_depend_on_blocks(blocks):
    whole = levels_of([x for block in blocks for x in block])
    pieces = levels_of(*blocks)
    assert (pieces.clipped, pieces.peak, pieces.samples) == (
        whole.clipped,
        whole.peak,
        whole.samples,
    )
    assert pieces.rms_db == pytest.approx(whole.rms_db)


def test_gain_cuts_off_and_says_so():
    louder, cut = amplify(np.array([100, -100, 20000, -20000, 16383], np.int16), 20 * math.log10(2))
    assert louder.tolist() == [200, -200, 32767, -32768, 32766] and cut == 2
    assert amplify(np.array([-32768], np.int16), 0)[1] == 0


# ---- WAV ----


def frames(path):
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE, 2, 1)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@given(blocks=st.lists(st.lists(st.integers(-32768, 32767), max_size=40), max_size=8))
def test_the_file_is_valid_after_every_write(tmp_path_factory, blocks):
    path = tmp_path_factory.mktemp("wav") / "growing.wav"
    writer, expected = WavWriter(path), []
    for block in [[], *blocks]:
        writer.write(np.array(block, np.int16))
        expected += block
        assert frames(path).tolist() == expected
        assert soundfile.read(path, dtype="int16")[0].tolist() == expected
    assert writer.read(0, len(expected)).tolist() == expected
    writer.finish(path.with_name("done.wav"))
    assert [p.name for p in path.parent.iterdir()] == ["done.wav"]
    assert frames(path.with_name("done.wav")).tolist() == expected


def test_a_full_disk_in_the_middle_of_a_write_leaves_what_was_there(tmp_path, monkeypatch):
    writer = WavWriter(tmp_path / "a.wav")
    writer.write(np.arange(100, dtype=np.int16))
    real, room = os.pwrite, [51]

    def pwrite(fd, data, position):
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = real(fd, data[: room[0]], position)
        room[0] -= done
        return done

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        with pytest.raises(OSError, match="No space"):
            writer.write(np.ones(100, np.int16))
    assert (tmp_path / "a.wav").stat().st_size == 44 + 200
    assert frames(tmp_path / "a.wav").tolist() == list(range(100))
    writer.shorten(40)
    assert (tmp_path / "a.wav").stat().st_size == 44 + 80
    assert frames(tmp_path / "a.wav").tolist() == list(range(40))


def test_an_existing_file_is_not_touched(tmp_path):
    (tmp_path / "a.wav").write_text("mine")
    with pytest.raises(FileExistsError):
        WavWriter(tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_text() == "mine"


def test_a_killed_program_leaves_a_valid_file(tmp_path):
    path = tmp_path / "a.wav"
    program = (
        "import sys, numpy as np\n"
        "from otolith.audio.wav import WavWriter; from pathlib import Path\n"
        "writer = WavWriter(Path(sys.argv[1]))\n"
        "while True:\n"
        "    writer.write(np.full(1000, 7, np.int16)); print(writer.samples, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        told = [int(process.stdout.readline()) for _ in range(50)][-1]
        assert is_being_written(path)
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    heard = frames(path)
    assert len(heard) >= told and (heard == 7).all()
    assert not is_being_written(path)
