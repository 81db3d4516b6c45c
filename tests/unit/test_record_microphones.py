"""Microphones of host record, and interrupting the program.

Covers PortAudio's choice of devices, boards at a serial port, and the program when it is
interrupted or killed.
"""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import tty
import wave
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from otolith.audio import RATE
from otolith.cli import main
from otolith.data import metadata
from otolith.device.frames import encode_frame
from otolith.errors import UserError
from otolith.record import cli, microphone, serial_microphone
from otolith.record.microphone import Device, Microphone, choose
from otolith.record.serial_microphone import SerialMicrophone

ALSA, PULSE = "ALSA", "PulseAudio"
LAPTOP = Device(0, "HDA Intel PCH: ALC257 Analog (hw:0,0)", ALSA, 48000.0, 2)
OURS = Device(3, "Otolith Mic: USB Audio (hw:1,0)", ALSA, 16000.0, 1)
SECOND = Device(4, "Otolith Mic: USB Audio (hw:2,0)", ALSA, 16000.0, 1)
SERVED = Device(7, "OTOLITH MIC Mono", PULSE, 48000.0, 1)


@pytest.mark.parametrize(
    ("devices", "wanted", "found"),
    [
        ([LAPTOP, OURS], None, [OURS]),
        ([LAPTOP, OURS, SERVED], None, [OURS, SERVED]),  # one device, reachable in two ways
        ([LAPTOP, OURS], "alc257", [LAPTOP]),
        ([LAPTOP, OURS, SECOND], "4", [SECOND]),
        ([OURS, SECOND], "hw:2", [SECOND]),
        ([Device(1, "Mic", ALSA, 1.0, 1), OURS], "mic", [Device(1, "Mic", ALSA, 1.0, 1)]),
    ],
)
def test_a_device_is_found_by_number_or_name(devices, wanted, found):
    assert choose(devices, wanted) == found


@pytest.mark.parametrize(
    ("devices", "wanted", "text"),
    [
        ([], None, "no microphone found: attach"),
        ([LAPTOP], None, "no Otolith microphone found: attach"),
        ([LAPTOP], "yeti", "no microphone is called 'yeti'"),
        ([LAPTOP], "5", "no microphone has number 5"),
        ([OURS, SECOND], None, "choose by --device NUMBER: 3 'Otolith Mic"),
    ],
)
def test_without_one_it_is_said_what_to_do(devices, wanted, text):
    with pytest.raises(UserError, match=text) as error:
        choose(devices, wanted)
    assert "\n" not in error.value.message


class PortAudioError(Exception):
    pass


class FakePortAudio:
    """Replaces the sounddevice module. Devices support the sample rates in `rates`."""

    PortAudioError = PortAudioError

    def __init__(self, devices, rates):
        self.devices, self.rates = devices, rates
        self.systems = sorted({d.system for d in devices})
        self.asked = []
        self.stream = None

    def query_hostapis(self):
        return [{"name": name} for name in self.systems]

    def query_devices(self):
        out = {"name": "Speakers", "hostapi": 0, "max_input_channels": 0, "default_samplerate": 1.0}
        table = [dict(out) for _ in range(1 + max(d.number for d in self.devices))]
        for d in self.devices:
            table[d.number] = {
                "name": d.name,
                "hostapi": self.systems.index(d.system),
                "max_input_channels": d.channels,
                "default_samplerate": d.rate,
            }
        return table

    def RawInputStream(self, samplerate, device, channels, dtype, latency, callback):
        assert (channels, dtype) == (1, "int16")
        self.asked.append((device, samplerate))
        if samplerate not in self.rates[device]:
            raise PortAudioError("Error opening RawInputStream: Invalid sample rate", -9997)
        self.stream = SimpleNamespace(
            start=lambda: None, close=lambda ignore_errors=True: None, give=callback
        )
        return self.stream


@pytest.fixture
def audio(monkeypatch):
    def install(devices, rates):
        fake = FakePortAudio(devices, rates)
        monkeypatch.setattr(microphone, "portaudio", lambda: fake)
        return fake

    monkeypatch.setattr(microphone, "usb_serial", lambda: "E6614C311B5A7E24")
    return install


def status(overflow=False):
    return SimpleNamespace(input_overflow=overflow)


def test_it_is_opened_at_16_khz_mono_and_overflows_are_counted(audio):
    fake = audio([LAPTOP, OURS], {3: [16000]})
    source = Microphone()
    assert fake.asked == [(3, 16000)]
    assert source.name == "Otolith Mic E6614C311B5A7E24"
    given = np.arange(300, dtype=np.int16)
    fake.stream.give(given.tobytes(), 300, None, status())
    fake.stream.give(given.tobytes(), 300, None, status(overflow=True))
    first, second, third = source.read(), source.read(), source.read()
    assert (first.pcm == given).all() and first.overflows == 0
    assert (second.pcm == given).all() and second.overflows == 1
    assert len(third.pcm) == 0
    source.close()


def test_the_way_that_takes_16_khz_is_chosen(audio):
    fake = audio([OURS, SERVED], {3: [48000], 7: [16000]})
    Microphone()
    assert fake.asked == [(3, 16000), (7, 16000)]


def test_a_device_that_insists_on_its_rate_is_converted(audio):
    fake = audio([SERVED], {7: [48000]})
    source = Microphone()
    assert fake.asked == [(7, 16000), (7, 48000)]
    t = np.arange(48000) / 48000
    pcm = np.round(10000 * np.sin(2 * np.pi * 1000 * t)).astype(np.int16)
    for start in range(0, len(pcm), 999):
        part = pcm[start : start + 999]
        fake.stream.give(part.tobytes(), len(part), None, status())
    heard = np.concatenate([source.read().pcm for _ in range(49)])
    assert heard.dtype == np.int16 and len(heard) == pytest.approx(RATE, abs=500)
    middle = heard[4000:12000] / 10000
    angle = 2 * np.pi * 1000 * np.arange(len(middle)) / RATE
    basis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found, *_ = np.linalg.lstsq(basis, middle, rcond=None)
    assert np.hypot(*found) == pytest.approx(1, abs=0.01)
    assert np.std(middle - basis @ found) < 1e-3


def test_a_device_that_can_t_be_opened_is_one_line(audio):
    audio([OURS], {3: []})
    with pytest.raises(UserError, match=r"can't record from 'Otolith Mic.*Invalid sample rate"):
        Microphone()


def test_another_microphone_keeps_its_own_name(audio):
    audio([LAPTOP], {0: [16000]})
    assert Microphone("alc257").name == LAPTOP.name


def test_list_shows_what_there_is(audio, monkeypatch):
    audio([LAPTOP, OURS], {})
    monkeypatch.setattr(cli, "find_ports", lambda: ["/dev/ttyACM0"])
    done = CliRunner().invoke(main, ["record", "--list"])
    lines = done.output.splitlines()
    assert "ALC257" in lines[0] and "Otolith" not in lines[0]
    assert lines[1].split()[0] == "3" and lines[1].endswith("<- Otolith")
    assert lines[2].startswith("--serial /dev/ttyACM0")
    done = CliRunner().invoke(main, ["record", "--list", "--json"])
    laptop, ours, port = map(json.loads, done.output.splitlines())
    assert (laptop["otolith"], ours["otolith"], ours["number"]) == (False, True, 3)
    assert port["serial"] == "/dev/ttyACM0"


def test_without_portaudio_one_is_told_how_to_get_it(tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "otolith", "record", "x", "--dataset", str(tmp_path / "d")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "Error: PortAudio is missing: run `host setup` (or record with --serial PORT)\n"
    )


def test_without_the_microphone_real_portaudio_says_so_in_one_line(tmp_path):
    command = [sys.executable, "-m", "otolith", "record", "x", "--dataset", str(tmp_path / "d")]
    done = subprocess.run(
        [*command, "--device", "there is none of this name"],
        env={**os.environ, "PULSE_SERVER": "unix:/nowhere"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Error: no microphone ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "d").exists()


# ---- a board at a serial port ----


class Board:
    """A pseudo-terminal with a simulated board that streams a counter.

    It runs at `speed` times real time and omits the frames in `lost`.
    """

    def __init__(self, lost=(), app="usb_mic", speed=20.0, rate=16000):
        self.lost, self.app, self.speed, self.rate = set(lost), app, speed, rate
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.port = os.ttyname(self.slave)
        self.streaming = False
        self.said = b""
        self.sequence = 65500  # wraps soon
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _send(self, data):
        while data and not self._over:
            try:
                data = data[os.write(self.master, data) :]
            except BlockingIOError:
                time.sleep(0.001)

    def _say(self, **line):
        self._send(json.dumps(line).encode() + b"\n")

    def _run(self):
        text = b""
        while not self._over:
            with contextlib.suppress(OSError):
                text += os.read(self.master, 1000)
            *lines, text = text.split(b"\n")
            for line in lines:
                self.said += line + b"\n"
                self._answer(line.strip(b"\0").decode())
            if self.streaming:
                first = self.sequence * 128
                pcm = (np.arange(first, first + 128) * 7).astype(np.int16)
                if self.sequence not in self.lost:
                    self._send(encode_frame("P", self.sequence & 0xFFFF, pcm.tobytes()))
                self.sequence += 1
            time.sleep(0.008 / self.speed)

    def _answer(self, line):
        if line == "hello":
            self._say(event="hello", app=self.app, board="pico", serial="ABCD", rate=self.rate)
        elif line:
            self.streaming = line == "pcm on"
            self._say(event="ok", command=line)

    def close(self):
        self._over = True
        self._thread.join()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def board():
    boards = []

    def make(**options):
        boards.append(Board(**options))
        return boards[-1]

    yield make
    for one in boards:
        one.close()


def counts_on(pcm):
    return bool((np.diff(pcm.astype(np.uint16)).astype(np.uint16) == 7).all())


def record(board, dataset, *arguments):
    options = ["--serial", board.port, "--dataset", str(dataset), "--countdown", "0"]
    return CliRunner().invoke(main, ["record", "ramp", *options, "--silence", "-100", *arguments])


def test_a_serial_board_is_recorded_from_sample_by_sample(board, tmp_path):
    one = board()
    done = record(one, tmp_path, "--seconds", "0.5", "--count", "2")
    assert done.exit_code == 0, done.output
    found = metadata.load(tmp_path).rows
    assert [row.device for row in found] == ["Otolith Mic ABCD"] * 2
    for row in found:
        pcm, rate = soundfile.read(tmp_path / row.file, dtype="int16")
        assert (rate, len(pcm)) == (16000, 8000) and counts_on(pcm)
    end = time.monotonic() + 5
    while not one.said.endswith(b"pcm off\n") and time.monotonic() < end:
        time.sleep(0.01)
    assert one.said.endswith(b"pcm on\npcm off\n")


def test_frames_that_are_missing_are_counted_and_reject_the_take(board, tmp_path):
    one = board(lost=[65500 + 80, 65500 + 81], app="inference")
    done = record(one, tmp_path, "--json")
    assert done.exit_code == 0, done.output
    rejected, kept = map(json.loads, done.stdout.splitlines())
    assert rejected["lost"] == 256 and "256 samples were lost" in rejected["reason"]
    (row,) = metadata.load(tmp_path).rows
    assert row.file == kept["file"] and row.device == "Otolith ABCD"
    assert counts_on(soundfile.read(tmp_path / row.file, dtype="int16")[0])


def test_a_board_with_another_rate_is_refused(board, tmp_path):
    done = record(board(rate=8000), tmp_path / "d")
    assert done.exit_code == 1 and "records at 8000 Hz, not 16000 Hz" in done.stderr


def test_a_board_that_is_reset_ends_the_recording(board):
    one = board()
    source = SerialMicrophone(one.port)
    while not len(source.read().pcm):
        pass
    one.streaming = False
    one._say(event="hello", app="usb_mic")
    with pytest.raises(UserError, match="reset"):
        for _ in range(1000):
            source.read()
    source.close()


def test_a_board_that_refuses_pcm_is_let_go(monkeypatch):
    class Dumb:
        closed = False

        def __init__(self, port):
            self.now, self.inbox = 0, b""

        def write(self, data):
            hello = b'{"event":"hello","app":"bench"}\n'
            self.inbox = hello if b"hello" in data else b'{"event":"error","command":"pcm on"}\n'

        def read(self, timeout_ms):
            self.now += timeout_ms
            data, self.inbox = self.inbox, b""
            return data

        def time_ms(self):
            return self.now

        def close(self):
            Dumb.closed = True

    with pytest.raises(UserError, match="refused 'pcm on'"):
        serial_microphone.SerialMicrophone("port", Dumb)
    assert Dumb.closed


# ---- the program, interrupted ----


@contextlib.contextmanager
def running(board, dataset, *arguments):
    """`host record` in a separate process, as users run it."""
    command = [sys.executable, "-m", "otolith", "record", "ramp", "--serial", board.port]
    command += ["--dataset", str(dataset), "--countdown", "0", "--silence", "-100", *arguments]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end
        time.sleep(0.005)
    return result


def growing(dataset, seconds):
    """The file being recorded, once it holds this many seconds."""
    found = [
        path
        for path in dataset.rglob(".unfinished-*.wav")
        if path.stat().st_size > 2 * RATE * seconds
    ]
    return found[0] if found else None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_program_keeps_what_it_has(board, tmp_path, number):
    with running(board(speed=8), tmp_path, "--seconds", "600") as process:
        wait_for(lambda: growing(tmp_path, 3))
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + number, err
    (row,) = metadata.load(tmp_path).rows
    assert row.file in out
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == sorted(
        [metadata.NAME, (tmp_path / row.file).name]
    )
    pcm, _ = soundfile.read(tmp_path / row.file, dtype="int16")
    assert len(pcm) >= 3 * RATE and counts_on(pcm)


def test_interrupted_at_any_moment_files_and_rows_agree(board, tmp_path):
    """Short takes, interrupted at odd times, most likely during a write."""
    for i in range(4):
        one = board(speed=30)
        with running(one, tmp_path, "--seconds", "0.1", "--count", "1000") as process:
            wait_for(lambda: process.stdout.readline())
            time.sleep(0.013 * i)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
        assert process.returncode == 130
        files = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.wav"))
        assert files == sorted(row.file for row in metadata.load(tmp_path).rows)
        for file in files:
            assert len(soundfile.read(tmp_path / file)[0]) == RATE // 10


def test_a_killed_program_leaves_a_valid_recording(board, tmp_path):
    with running(board(speed=8), tmp_path, "--continuous") as process:
        path = wait_for(lambda: growing(tmp_path, 3))
        process.kill()
        process.wait()
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(pcm) >= 3 * RATE - 256 and counts_on(pcm)
    done = record(board(), tmp_path, "--seconds", "0.1")
    assert done.exit_code == 0 and f"{path}: {len(pcm) / RATE:.1f} s" in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a Unix")
def test_a_file_size_limit_is_a_full_disk(board, tmp_path):
    """The shell's limit of 64 kB is too small for two seconds."""
    one = board()
    command = (
        f"ulimit -f 64; exec {sys.executable} -m otolith record ramp --serial {one.port} "
        f"--dataset {tmp_path} --countdown 0 --silence -100 --seconds 5"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Error: can't write" in done.stderr.splitlines()[-1]
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
