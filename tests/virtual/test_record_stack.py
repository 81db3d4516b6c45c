"""host record with its real components, or from a serial port.

Sound goes through a virtual Pico's USB audio, PulseAudio and PortAudio. Emulated boards may be
slower than real time.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
import wave

import numpy as np
import pytest

from otolith.audio import RATE
from otolith.data import metadata
from support import small_models
from support.sound_server import SoundServer, need_sound_server

FREQUENCY = 1000
_PIECE = 1024  # bytes
HOST = [sys.executable, "-m", "otolith"]


@pytest.fixture
def server(tmp_path_factory):
    need_sound_server()
    with SoundServer(tmp_path_factory.mktemp("pulse")) as server:
        yield server


def tone(path, seconds):
    """A sound file to play."""
    t = np.arange(int(seconds * RATE)) / RATE
    pcm = np.round(16384 * np.sin(2 * np.pi * FREQUENCY * t)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())
    return path


def snr(pcm):
    """The ratio of the tone to everything else, in dB."""
    angle = 2 * np.pi * FREQUENCY * np.arange(len(pcm)) / RATE
    basis = np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle)], axis=1)
    found, *_ = np.linalg.lstsq(basis, pcm.astype(float), rcond=None)
    rest = pcm - basis @ found
    return 10 * np.log10((found[0] ** 2 + found[1] ** 2) / 2 / np.mean(rest**2))


def record(dataset, *arguments, environment=None):
    """Run `host record` and return what it said about each take."""
    command = [*HOST, "record", "tone", "--dataset", str(dataset), "--json", *arguments]
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def read_take(dataset, row):
    with wave.open(str(dataset / row.file)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE, 2, 1)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@contextlib.contextmanager
def virtual_board(image, *arguments, environment=None):
    """`host virtual run`, while used as a context."""
    command = [*HOST, "virtual", "run", str(image), "--json", *map(str, arguments)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=60)


class Feeder(threading.Thread):
    """Writes a counter to the sound server's pipe, in about real time, until closed."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe = pipe
        self.over = False
        self.start()

    def run(self):
        # never at full scale, so that it does not count as clipped
        counter = (np.arange(32768) - 16384).astype("<i2").tobytes()
        with contextlib.suppress(BrokenPipeError), open(self.pipe, "wb", buffering=0) as pipe:
            for start in itertools.cycle(range(0, len(counter), _PIECE)):
                if self.over:
                    return
                pipe.write(counter[start : start + _PIECE])
                time.sleep(_PIECE / 2 / RATE)

    def close(self):
        self.over = True
        self.join(timeout=10)


@contextlib.contextmanager
def counting(server):
    """A microphone of the sound server whose samples are a counter, while used as a context."""
    pipe = server.folder / "pipe"
    properties = "source_properties=\"device.description='Otolith Mic'\""
    form = ["format=s16le", "rate=16000", "channels=1"]
    server.ask(
        *("load-module", "module-pipe-source", "source_name=otolith_mic"),
        *(f"file={pipe}", *form, properties),
    )
    server.wait_for("list short sources", "otolith_mic")
    feeder = Feeder(pipe)
    try:
        yield
    finally:
        feeder.close()


def test_classify_hears_the_sound_servers_microphone(server, tmp_path):
    """From hop to hop the level changes by a hop's number of samples, so none is lost."""
    (tmp_path / "loud.tflite").write_bytes(small_models.loudness())
    arguments = ["classify", "mic", "--model", str(tmp_path / "loud.tflite"), "--seconds", "3"]
    with counting(server):
        done = subprocess.run(
            [*HOST, *arguments, "--json", "--scores"],
            env=server.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    hello, *lines, end = [json.loads(line) for line in done.stdout.splitlines()]
    assert (hello["hop"], hello["source"], end["t_ms"]) == (512, "mic", 3000)
    levels = [line["level"] for line in lines if line["event"] == "scores"]
    steps = np.abs(np.diff(levels[:-1]))  # the last hop is padded
    # except where the counter crosses zero or wraps, which happens about once a second
    assert len(steps) > 50 and (steps == 512).sum() >= len(steps) - 6


def test_samples_come_through_the_sound_server_as_they_are(server, tmp_path):
    """PulseAudio and PortAudio alone: a counter arrives without a gap."""
    with counting(server):
        takes = record(
            tmp_path,
            *("--count", "2", "--seconds", "0.4", "--countdown", "0"),
            environment=server.environment,
        )
    assert all(take["kept"] for take in takes), takes
    rows = metadata.load(tmp_path).rows
    assert len(rows) == 2
    for row in rows:
        assert row.device == "Otolith Mic"
        counted = np.diff(read_take(tmp_path, row).astype(np.uint16)).astype(np.uint16)
        assert len(counted) == 6399 and (counted & 0x7FFF == 1).all()


def test_a_tone_goes_from_the_microphone_to_a_file(server, mic_image, tmp_path):
    """Virtual Pico, isochronous USB, PulseAudio, PortAudio, host record, WAV."""
    sound = tone(tmp_path / "tone.wav", 100)
    arguments = ["--audio", sound, "--pulse", "--seconds", 100]
    with virtual_board(mic_image, *arguments, environment=server.environment):
        server.wait_for("list short sources", "otolith_mic")
        assert "Otolith Mic" in server.ask("list", "sources")
        takes = record(
            tmp_path / "dataset",
            *("--count", "2", "--countdown", "1", "--set", "test"),
            environment=server.environment,
        )
    server_sources = server.ask("list", "short", "sources")
    assert "otolith_mic" not in server_sources
    kept = [take for take in takes if take["kept"]]
    assert len(kept) == 2, takes
    rows = metadata.load(tmp_path / "dataset").rows
    assert [row.file for row in rows] == [take["file"] for take in kept]
    for row in rows:
        pcm = read_take(tmp_path / "dataset", row)
        assert len(pcm) == RATE and (row.label, row.set) == ("tone", "test")
        ratio = snr(pcm)
        print(f"{row.file}: SNR {ratio:.1f} dB")
        assert ratio >= 60


def test_a_tone_goes_over_a_serial_port_to_a_file(inference_image, tmp_path):
    """The same from a board without USB audio: PCM in frames."""
    sound = tone(tmp_path / "tone.wav", 100)
    with virtual_board(inference_image, "--audio", sound, "--pty", "--seconds", 100) as board:
        port = json.loads(board.stdout.readline())["pty"]
        assert os.path.exists(port)
        reader = threading.Thread(target=board.stdout.read, daemon=True)
        reader.start()
        takes = record(
            tmp_path / "dataset",
            *("--serial", port, "--count", "2", "--countdown", "1"),
        )
    assert [take["kept"] for take in takes] == [True, True], takes
    for row in metadata.load(tmp_path / "dataset").rows:
        pcm = read_take(tmp_path / "dataset", row)
        assert len(pcm) == RATE and row.device.startswith("Otolith ")
        assert snr(pcm) >= 60
