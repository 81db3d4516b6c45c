"""host monitor against a simulated board: what it shows, what it keeps, how it fills gaps."""

import contextlib
import errno
import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import tty
import wave

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from otolith.cli import main
from otolith.device import Client
from otolith.device.claim import claim
from otolith.device.frames import Frame, encode_frame
from otolith.device.records import record
from otolith.errors import UserError
from otolith.evaluate.models import trained
from otolith.monitor import cli
from otolith.monitor.board import Listening
from otolith.monitor.lines import load
from otolith.monitor.recording import Recording
from otolith.monitor.screen import Screen
from otolith.paths import MODELS
from support.fake_board import (
    DETECT,
    HELLO,
    SCORES,
    STATS,
    FakeBoard,
    line,
    listening_board,
    pcm_frames,
)
from support.full_disk import full_disk


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    monkeypatch.setenv("OTOLITH_LOCKS", str(tmp_path / "locks"))


def sound(blocks, seed=1):
    rng = np.random.default_rng(seed)
    return rng.integers(-3000, 3000, 128 * blocks).astype(np.int16)


def row(number):
    return np.arange(number, number + 3, dtype=np.int16)


def feature_frame(number):
    return encode_frame("F", number & 0xFFFF, row(number).astype("<i2").tobytes())


@pytest.fixture
def monitor(monkeypatch):
    """Calls `host monitor` with a simulated board at the port."""

    def call(board, *arguments):
        @contextlib.contextmanager
        def attached(port):
            client = Client(board)
            yield Listening(client, client.hello(), "/dev/fake")

        monkeypatch.setattr(cli, "attached", attached)
        done = CliRunner().invoke(main, ["monitor", *map(str, arguments)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    return call


def kept(folder):
    """Samples, feature rows and lines in the folder of a recording."""
    with wave.open(str(folder / "audio.wav")) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16000, 2, 1)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    lines = (folder / "events.jsonl").read_text().splitlines()
    return pcm, np.load(folder / "features.npy"), [json.loads(text) for text in lines]


# ---- lines and the live display ----


def test_a_pipe_gets_a_line_a_detection(monitor):
    board = listening_board(b"")
    board.answers["stats"] = line(**DETECT) + line(**STATS) + line(**SCORES) + line(**DETECT)
    done = monitor(board, "--seconds", 1)
    assert done.stdout.splitlines() == [
        "pico E661 runs inference 0.1.0, model loud (4c1d)",
        "     0.064 s  loud  score 0.913",
        "     0.064 s  loud  score 0.913",
    ]
    (said,) = done.stderr.splitlines()
    assert said.startswith("1.0 s, detected: loud 2") and done.exit_code == 0
    assert b"scores on" not in board.sent and b"pcm" not in board.sent


def test_json_is_every_line_as_it_is(monitor):
    more = {"scores on": line(event="ok", command="scores on") + line(**SCORES) + line(**DETECT)}
    board = listening_board(b"", more)
    done = monitor(board, "--json", "--scores", "--seconds", 1)
    assert [json.loads(text) for text in done.stdout.splitlines()] == [HELLO, STATS, SCORES, DETECT]
    assert board.sent.endswith(b"scores on\nscores off\n")


class Reset(FakeBoard):
    """A board that is reset while it is being listened to, and forgets its settings."""

    def write(self, data):
        if data == b"scores on\n" and self.sent.count(data) == 1:
            self.answers[data.decode().strip()] += line(**SCORES)
        super().write(data)

    def read(self, timeout_ms):
        data = super().read(timeout_ms)
        if not data and self.sent.count(b"scores on\n") == 1 and self.now > 300:
            self.inbox += line(**HELLO)
        return data


def test_a_second_greeting_is_no_reset_but_a_later_one_is(monitor):
    board = listening_board(b"", {"hello": line(**HELLO) * 2})
    done = monitor(board, "--plain", "--seconds", 1)
    assert len(done.stdout.splitlines()) == 1
    board = Reset(listening_board(b"").answers)
    done = monitor(board, "--json", "--scores", "--seconds", 1)
    told = [json.loads(text)["event"] for text in done.stdout.splitlines()[1:]]
    assert told == ["stats", "hello", "ok", "scores"]


def shown(screen):
    console = Console(file=io.StringIO(), width=100)
    console.print(screen)
    return console.file.getvalue()


def test_the_screen_shows_scores_level_load_and_the_last_detections():
    screen = Screen(record(HELLO))
    assert "runs inference" in shown(screen)
    for message in (STATS, {**SCORES, "level": 327}, DETECT, {"event": "error", "reason": "no"}):
        screen.take(record(message))
    text = shown(screen).splitlines()
    scores = {part[0]: part for part in map(str.split, text) if part}
    assert scores["background"][1:] == ["0.250", "█" * 10]
    assert scores["loud"][1:] == ["0.750", "█" * 30]
    # 327 of 32768: the level of the hop, not of the second
    assert "mean  -40.0 dBFS" in shown(screen)
    (status,) = [part for part in text if "CPU" in part]
    for figure in (
        "0.1 s",
        "features 3.9 ms, network 1.1 ms",
        "CPU 23%",
        "overruns 3",
        "stack 976",
    ):
        assert figure in status
    assert text[-2:] == ["     0.064 s  loud  score 0.913", "error: no"]
    for number in range(20):
        screen.take(record({**DETECT, "t_ms": 1000 * number}))
    assert "19.000 s" in shown(screen) and shown(screen).count("score 0.913") == 8


def test_the_level_comes_from_the_sound_if_there_is_sound():
    screen = Screen(record(HELLO))
    screen.take(record(STATS))
    assert "mean  -20.0 dBFS" in shown(screen)
    square = np.tile(np.array([16384, -16384], "<i2"), 512)
    screen.take(Frame("P", 0, square.tobytes()))
    assert "peak   -6.0 RMS   -6.0 dBFS" in shown(screen)


def test_a_board_without_figures_has_none():
    assert load(record({"event": "stats", "t_ms": 5, "overruns": 0})) == "overruns 0"


@pytest.mark.parametrize(
    "odd",
    [
        {"event": "detect", "t_ms": "soon", "label": "loud", "score": 0.9},
        {"event": "detect", "label": "loud", "score": 0.9},
        {"event": "detect", "t_ms": 1, "label": 7, "score": 0.9},
        {"event": "scores", "smoothed": "many"},
        {"event": "scores", "smoothed": [1, None]},
        {"event": "stats", "cpu": [1]},
        {"event": "stats", "level": True},
        {"event": "hello", "labels": 5},
    ],
)
def test_a_line_that_makes_no_sense_is_told_and_shown_to_nobody(monitor, odd):
    board = listening_board(b"", {"scores on": line(event="ok", command="scores on") + line(**odd)})
    done = monitor(board, "--json", "--scores", "--seconds", 1)
    assert done.exit_code == 0, done.output
    _, _, told = [json.loads(text) for text in done.stdout.splitlines()]
    assert told["event"] == "error" and "makes no sense" in told["reason"]


# ---- recording ----


def test_a_recording_holds_what_the_board_streamed(monitor, tmp_path):
    pcm = sound(9)
    frames = pcm_frames(pcm)
    stream = b"".join(frames[:4]) + feature_frame(0) + b"".join(frames[4:]) + feature_frame(1)
    board = listening_board(stream + line(**SCORES) + line(**DETECT))
    # data streamed before the restart belongs to another stream
    board.answers["pcm on"] += b"".join(pcm_frames(sound(2), first=700)) + feature_frame(99)
    # data on its way when the audio ended belongs to the recording
    board.answers["pcm off"] = line(event="stats", t_ms=70) + board.answers["pcm off"]
    board.answers["scores off"] = line(event="scores", t_ms=9999) + board.answers["scores off"]
    done = monitor(board, "--record", tmp_path / "r", "--seconds", 1)
    assert done.exit_code == 0, done.output
    heard, features, events = kept(tmp_path / "r")
    assert heard.tolist() == pcm[:1024].tolist()  # two whole hops; the rest has no score
    assert features.tolist() == [row(0).tolist(), row(1).tolist()] and features.dtype == np.int16
    assert events == [SCORES, DETECT, {"event": "stats", "t_ms": 70}]
    session = json.loads((tmp_path / "r" / "session.json").read_text())
    assert session["detect"]["thresholds"] == {"background": 0.0, "loud": 0.5}
    assert session["hello"] == HELLO and session["board"] == "/dev/fake"
    assert session["ended"] == {
        "why": "stopped",
        "seconds": 0.064,
        "missing_samples": 0,
        "frames": 2,
        "missing_frames": 0,
        "lines": 3,
        "detections": 1,
    }
    assert "missing: 0 samples, 0 frames" in done.stderr
    assert board.sent.endswith(b"pcm off\nscores off\nfeatures off\npcm off\n")


def test_a_gap_is_told_counted_and_silent(monitor, tmp_path):
    pcm = sound(12)
    frames = pcm_frames(pcm, lost=(0, 5, 6))
    stream = b"".join(frames) + feature_frame(0) + feature_frame(3)
    done = monitor(listening_board(stream), "--json", "--record", tmp_path / "r", "--seconds", 1)
    heard, features, events = kept(tmp_path / "r")
    expected = pcm.copy()
    expected[:128] = expected[5 * 128 : 7 * 128] = 0
    assert heard.tolist() == expected.tolist()
    assert features.tolist() == [row(0).tolist(), [0, 0, 0], [0, 0, 0], row(3).tolist()]
    gaps = [
        {"event": "gap", "t_ms": 0, "of": "samples", "count": 128},
        {"event": "gap", "t_ms": 40, "of": "samples", "count": 256},
        {"event": "gap", "t_ms": 96, "of": "frames", "count": 2},
    ]
    assert events == gaps
    assert [json.loads(text) for text in done.stdout.splitlines()] == [HELLO, *gaps]
    assert "missing: 384 samples, 2 frames" in done.stderr
    ended = json.loads((tmp_path / "r" / "session.json").read_text())["ended"]
    assert (ended["missing_samples"], ended["missing_frames"]) == (384, 2)


def test_the_numbers_of_blocks_wrap(tmp_path):
    recording = Recording(tmp_path / "r", record(HELLO), {})
    silence = bytes(4)
    for number in range(0x10000 + 5):
        assert recording.take(Frame("P", number & 0xFFFF, silence)) is None
    gap = recording.take(Frame("P", 7, silence))
    assert gap.count == 2 * 2
    with pytest.raises(UserError, match="began anew"):
        recording.take(Frame("P", 0, silence))


def test_frames_of_a_hop_that_goes_on_are_left_out(tmp_path):
    """A board sends a frame as soon as it is complete, but the recording ends with a whole hop."""
    recording = Recording(tmp_path / "r", record(HELLO), {})
    for number, block in enumerate(sound(9).reshape(-1, 128)):
        recording.take(Frame("P", number, block.tobytes()))
        recording.take(Frame("F", number, row(number).tobytes()))
        if number % 4 == 3:  # the hop is 512 samples
            t_ms = (number + 1) * 8
            recording.take(record({**SCORES, "hop": (number + 1) // 4, "t_ms": t_ms}))
    recording.finish("test")
    heard, features, _ = kept(tmp_path / "r")
    assert (len(heard), len(features)) == (1024, 8)
    assert features[-1].tolist() == row(7).tolist()


def test_the_files_are_valid_at_any_time(tmp_path):
    recording = Recording(tmp_path / "r", record(HELLO), {})
    assert kept(tmp_path / "r")[1].shape == (0, 0)
    pcm = sound(5)
    for number, block in enumerate(pcm.reshape(-1, 128)):
        recording.take(Frame("P", number, block.tobytes()))
        recording.take(Frame("F", number, row(number).tobytes()))
        recording.take(record(STATS))
        heard, features, events = kept(tmp_path / "r")  # no file was closed
        assert heard.tolist() == pcm[: 128 * (number + 1)].tolist()
        assert features.shape == (number + 1, 3) and features[-1].tolist() == row(number).tolist()
        assert len(events) == number + 1
    assert json.loads((tmp_path / "r" / "session.json").read_text())["ended"] is None


class Unplugged(FakeBoard):
    """A board that disappears after its stream has been read."""

    def read(self, timeout_ms):
        data = super().read(timeout_ms)
        if not data and b"restart" in self.sent:
            raise UserError("lost the board at /dev/fake: it is gone")
        return data


def test_what_was_recorded_until_the_board_was_unplugged_is_kept(monitor, tmp_path):
    pcm = sound(8)
    board = Unplugged(listening_board(b"".join(pcm_frames(pcm))).answers)
    done = monitor(board, "--record", tmp_path / "r")
    assert done.exit_code == 1
    (said,) = done.stderr.splitlines()
    assert "lost the board at /dev/fake" in said and "0.1 s of audio" in said
    assert kept(tmp_path / "r")[0].tolist() == pcm.tolist()
    ended = json.loads((tmp_path / "r" / "session.json").read_text())["ended"]
    assert "lost the board" in ended["why"]


def test_a_board_that_was_reset_ends_the_recording(monitor, tmp_path):
    stream = b"".join(pcm_frames(sound(8))) + line(**HELLO) + b"".join(pcm_frames(sound(4)))
    done = monitor(listening_board(stream), "--record", tmp_path / "r")
    assert done.exit_code == 1 and "was reset while it was recorded" in done.stderr
    assert kept(tmp_path / "r")[0].tolist() == sound(8).tolist()


def test_a_full_disk_ends_the_recording_and_leaves_it_valid(tmp_path, monkeypatch):
    recording = Recording(tmp_path / "r", record(HELLO), {})
    pcm = sound(8)
    for number, block in enumerate(pcm.reshape(-1, 128)):
        recording.take(Frame("P", number, block.tobytes()))
    recording.take(Frame("F", 0, row(0).tobytes()))
    recording.take(record(DETECT))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        for message in (Frame("P", 8, bytes(256)), Frame("F", 1, bytes(6)), record(DETECT)):
            with pytest.raises(UserError, match="No space left on device: free some space"):
                recording.take(message)
    heard, features, events = kept(tmp_path / "r")
    assert heard.tolist() == pcm.tolist() and len(features) == 1 and events == [DETECT]


def test_the_command_ends_in_one_line_on_a_full_disk(monitor, tmp_path):
    pcm = sound(60)  # 15,360 bytes
    with full_disk(9000):
        done = monitor(listening_board(b"".join(pcm_frames(pcm))), "--record", tmp_path / "r")
    assert done.exit_code == 1
    (line,) = [x for x in done.stderr.splitlines() if x.startswith("Error:")]
    assert line.startswith(f"Error: can't write {tmp_path / 'r'}: File too large")
    heard, _, _ = kept(tmp_path / "r")
    assert 0 < len(heard) < 4500 and (heard == pcm[: len(heard)]).all()


def test_a_folder_with_something_in_it_is_not_recorded_into(monitor, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "audio.wav").write_text("mine")
    done = monitor(listening_board(b""), "--record", tmp_path / "r")
    assert done.exit_code == 1 and "is not empty" in done.stderr
    assert (tmp_path / "r" / "audio.wav").read_text() == "mine"


def test_a_row_of_another_width_is_not_written(tmp_path):
    recording = Recording(tmp_path / "r", record(HELLO), {})
    recording.take(Frame("F", 0, row(0).tobytes()))
    with pytest.raises(UserError, match="a frame of 4 features after frames of 3"):
        recording.take(Frame("F", 1, bytes(8)))
    assert kept(tmp_path / "r")[1].tolist() == [row(0).tolist()]


@pytest.mark.parametrize(
    ("hop", "told"),
    [(0, "hello.hop: Expected"), ("512", "hello.hop: Expected"), (None, "hello has no hop")],
)
def test_a_board_that_does_not_say_its_hop_is_not_recorded(monitor, tmp_path, hop, told):
    board = listening_board(b"", {"hello": line(**{**HELLO, "hop": hop})})
    board.answers.pop("get detect")
    done = monitor(board, "--record", tmp_path / "r")
    assert done.exit_code == 1 and len(done.stderr.splitlines()) == 1
    assert told in done.stderr or "not the inference app" in done.stderr
    assert not (tmp_path / "r").exists()


def test_only_the_inference_app_is_recorded(monitor, tmp_path):
    board = listening_board(b"", {"hello": line(**{**HELLO, "app": "usb_mic"})})
    done = monitor(board, "--record", tmp_path / "r")
    assert done.exit_code == 1 and "host record" in done.stderr and not (tmp_path / "r").exists()


# ---- a port ----


@contextlib.contextmanager
def port(board):
    """Attach `board` to a pseudo-terminal and return its name."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)

    def serve():
        with contextlib.suppress(OSError):
            while data := os.read(ours, 4096):
                board.write(data)
                os.write(ours, board.inbox)
                board.inbox = b""

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield os.ttyname(theirs)
    finally:
        os.close(theirs)
        os.close(ours)


def test_ctrl_c_ends_cleanly_with_all_that_came(tmp_path):
    pcm = sound(8)
    board = listening_board(b"".join(pcm_frames(pcm)) + line(**DETECT))
    with port(board) as name:
        arguments = ["monitor", "--port", name, "--record", str(tmp_path / "r")]
        with subprocess.Popen(
            [sys.executable, "-m", "otolith", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert "runs inference" in process.stdout.readline()
            assert "loud" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out == "" and "Traceback" not in err
    assert "missing: 0 samples" in err.splitlines()[-1]
    heard, _, events = kept(tmp_path / "r")
    assert heard.tolist() == pcm.tolist() and events == [DETECT]


def test_a_board_in_use_is_left_alone():
    board = listening_board(b"")
    with port(board) as name, claim(os.path.realpath(name), "somebody's work"):
        done = CliRunner().invoke(main, ["monitor", "--port", name, "--seconds", "1"])
    assert done.exit_code == 1 and "somebody's work" in done.output
    assert board.sent == b""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "x", "--virtual", "y"], "name two boards"),
        (["--audio", "x.wav"], "for --virtual"),
        (["--scores"], "goes with --json"),
        (["--virtual", "gone.uf2"], "gone.uf2: no such firmware image"),
        (["--virtual", "gone.tflite"], "gone.tflite: no such file"),
        (["--virtual", "gone.uf2", "--audio", "gone.wav"], "gone.wav: not a sound file"),
    ],
)
def test_wrong_options_are_one_line(arguments, said):
    done = CliRunner().invoke(main, ["monitor", *arguments])
    assert done.exit_code == 1 and said in done.output
    assert len(done.output.splitlines()) == 1


def test_a_model_that_is_not_trained_yet(tmp_path):
    (tmp_path / "fire_alarm").mkdir()
    shutil.copy(MODELS / "fire_alarm" / "spec.toml", tmp_path / "fire_alarm")
    with pytest.raises(UserError, match=r"fire_alarm\.tflite: not trained yet: run `host train"):
        trained(tmp_path / "fire_alarm")
    (tmp_path / "other.tflite").write_bytes(b"x")
    assert trained(tmp_path / "other").tflite == tmp_path / "other.tflite"
