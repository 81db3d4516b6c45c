"""The inference app's linked image for an EFR32MG24, on register models.

Its results for a sound equal those of this computer. Also `host record` from its serial port.
"""

import os
import select
import subprocess
import sys
import threading
import tty

import numpy as np
import pytest
import soundfile

from otolith.device import Client, Line, VirtualTransport
from otolith.device.frames import Frame
from otolith.listen.chain import Chain
from otolith.virtual.efr32mg24 import VirtualEfr32mg24
from support import front_end_model, small_models
from support.images import build
from support.parity import assert_same

BLOCK = 128
SETTLING_MS = 256


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return build("xg24_dev_kit", small_models.loudness(), tmp_path_factory.mktemp("efr32"), "elf")


def tone(seconds):
    """Noise with a tone in the middle."""
    t = np.arange(int(16_000 * seconds)) / 16_000
    sound = 200 * np.random.default_rng(3).standard_normal(len(t))
    sound += 12_000 * np.sin(2 * np.pi * 700 * t) * (abs(t - seconds / 2) < seconds / 5)
    return sound.astype(np.int16)


def found(played, pcm):
    """The position of `pcm` within the sound that was played."""
    windows = np.lib.stride_tricks.sliding_window_view(played, 64)
    (start,) = np.flatnonzero((windows == pcm[:64]).all(axis=1))
    return start


@pytest.mark.slow
def test_what_the_microphone_hears_gives_the_hosts_features_scores_and_events(image):
    chip = VirtualEfr32mg24(image)
    chip.play(tone(2.6))
    client = Client(VirtualTransport(chip))
    client.hello()
    chip.core.run_ms(SETTLING_MS + 20)
    for command in ("features on", "scores on", "pcm on", "restart"):
        client.command(command)
    list(client.lines(1e-3))  # discard earlier messages
    chip.core.run_ms(1900)
    messages = list(client.lines(0.1))
    assert client.garbage == 0
    stats = [m for m in messages if isinstance(m, Line) and m["event"] == "stats"]
    assert stats[-1]["dropped"] == stats[-1]["overruns"] == 0
    frames = [m for m in messages if isinstance(m, Frame)]
    blocks = {m.sequence: np.frombuffer(m.data, "<i2") for m in frames if m.type == "P"}
    first = min(blocks)
    assert sorted(blocks) == list(range(first, first + len(blocks))) and first < 4
    played = tone(2.6)
    pcm = np.concatenate([blocks[n] for n in sorted(blocks)])
    start = found(played, pcm)
    pcm = played[start - first * BLOCK : start + len(pcm)]  # from the restart on
    hops = list(Chain(small_models.loudness()).run(pcm))
    scored = [hop for hop in hops if hop.q is not None]
    lines = [m for m in messages if isinstance(m, Line) and m["event"] == "scores"]
    by_hop = dict(enumerate(hops, 1))
    assert len(lines) >= 20
    for line in lines:
        hop = by_hop[line["hop"]]
        assert line["q"] == hop.q.tolist() and line["scores"] == hop.scores.tolist()
        assert line["smoothed"] == hop.smoothed.tolist() and line["level"] == hop.level
    features = {m.sequence: np.frombuffer(m.data, "<i2") for m in frames if m.type == "F"}
    expected = np.concatenate([hop.features for hop in hops if len(hop.features)])
    assert len(features) > 200
    for number, row in features.items():
        if number < len(expected):
            np.testing.assert_array_equal(row, expected[number])
    events = [m for m in messages if isinstance(m, Line) and m["event"] == "detect"]
    assert [(e["t_ms"], e["label"]) for e in events] == [
        (hop.t_ms, hop.event[0]) for hop in scored if hop.event
    ]
    assert events
    assert max(light for _, light in chip.led) > 0.5 and chip.led[0][1] == 0  # the LED shows it


@pytest.mark.slow
@pytest.mark.parametrize(
    "env", ["xg24_dev_kit", pytest.param("xg24_dev_kit_brd2601a", marks=pytest.mark.soak)]
)
@pytest.mark.parametrize("kind", ["mfcc", "logmel"])
def test_injected_sound_gives_the_hosts_results_with_every_front_end(kind, env, tmp_path):
    name, hop = {"mfcc": ("keyword", 2), "logmel": ("on_off", 4)}[kind]
    model = front_end_model.network(front_end_model.settings(name), hop)
    chip = VirtualEfr32mg24(build(env, model, tmp_path, "elf"), env)
    client = Client(VirtualTransport(chip))
    assert client.hello()["board"] == env
    pcm = front_end_model.sound(1.3)
    result = client.inject(pcm)
    assert_same(result, list(Chain(model).run(pcm)))
    assert client.garbage == 0 and chip.uart.lost == 0


class Port:
    """A pseudo-terminal in place of the debugger's serial port. A thread runs the chip."""

    def __init__(self, chip):
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.name, self._slave = os.ttyname(slave), slave
        self._chip, self._over = chip, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._over.is_set():
            self._chip.core.run_ms(4)
            data = bytes(self._chip.uart.out)
            self._chip.uart.out.clear()
            if data:
                os.write(self._master, data)
            if select.select([self._master], [], [], 0)[0]:
                self._chip.write(os.read(self._master, 4096))

    def close(self):
        self._over.set()
        self._thread.join()
        os.close(self._slave)
        os.close(self._master)


@pytest.mark.slow
def test_host_record_writes_what_the_microphone_heard(efr32_mic_image, tmp_path):
    chip = VirtualEfr32mg24(efr32_mic_image)
    played = np.random.default_rng(8).integers(-20_000, 20_000, 32_000).astype(np.int16)
    chip.play(played)
    port = Port(chip)
    command = [sys.executable, "-m", "otolith", "record", "noise", "--serial", port.name]
    command += ["--seconds", "1", "--countdown", "0", "--dataset", str(tmp_path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    finally:
        port.close()
    assert done.returncode == 0, done.stderr
    (wav,) = (tmp_path / "noise").glob("*.wav")
    pcm, rate = soundfile.read(wav, dtype="int16")
    assert rate == 16_000 and len(pcm) == 16_000
    start = found(played, pcm)
    np.testing.assert_array_equal(pcm, played[start : start + len(pcm)])
    assert "842E14FFFE123456" in (tmp_path / "metadata.csv").read_text()
