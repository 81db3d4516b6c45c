"""From sound to bits to PCM: the emulated microphone, PIO, DMA and lib/pdm of a running image."""

import wave
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from otolith.cli import main
from otolith.device import Client, VirtualTransport
from otolith.device.frames import Frame
from otolith.virtual import boot

RATE = 16_000
SETTLED = int(0.4 * RATE)  # the time the DC filter takes to settle


@dataclass
class Heard:
    """What an image streamed."""

    pcm: np.ndarray
    sequence: list[int]
    t_ms: list[float]  # arrival time of each frame
    stats: dict


def record(image, pcm: np.ndarray) -> Heard:
    """Collect what the image streams while its microphone hears `pcm`."""
    with boot(image) as board:
        board.run_ms(30)
        client = Client(VirtualTransport(board))
        client.command("pcm on")
        board.play(pcm)
        end = board.time_ms + 1000 * len(pcm) / RATE - 20  # the last block ends before pcm does
        frames, times = [], []
        for message in client.lines(timeout_ms=100):
            if isinstance(message, Frame) and message.type == "P":
                frames.append(message)
                times.append(board.time_ms)
            if board.time_ms >= end:
                break
        client.command("pcm off")
        stats = client.command("stats")
        assert client.garbage == 0
    samples = np.concatenate([np.frombuffer(f.data, "<i2") for f in frames])
    return Heard(samples, [f.sequence for f in frames], times, stats)


def tone(frequency: float, amplitude: float, seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return np.round(32767 * amplitude * np.sin(2 * np.pi * frequency * t)).astype(np.int16)


def fit(pcm: np.ndarray, frequency: float) -> tuple[float, float]:
    """Amplitude of the tone (1 = full scale), and its ratio to everything else in dB."""
    t = np.arange(len(pcm)) / RATE
    angle = 2 * np.pi * frequency * t
    basis = np.stack([np.cos(angle), np.sin(angle), np.ones_like(t)], axis=1)
    x = pcm / 32768
    found, *_ = np.linalg.lstsq(basis, x, rcond=None)
    rest = x - basis @ found
    amplitude = float(np.hypot(found[0], found[1]))
    return amplitude, 10 * np.log10(amplitude**2 / 2 / np.mean(rest**2))


def decibels(ratio: float) -> float:
    return 20 * np.log10(ratio)


def test_tone_is_heard_80_db_above_noise(inference_image):
    heard = record(inference_image, tone(1000, 0.5, 1.4))
    amplitude, snr = fit(heard.pcm[SETTLED:], 1000)
    print(f"SNR {snr:.1f} dB, level {decibels(amplitude):.2f} dBFS")
    assert snr >= 80
    assert decibels(amplitude / 0.5) == pytest.approx(0, abs=0.5)


def test_response_is_flat(inference_image):
    frequencies = (100, 1000, 3000, 7000)
    together = np.sum([tone(f, 0.12, 1.0).astype(float) for f in frequencies], axis=0)
    heard = record(inference_image, together.astype(np.int16))
    gains = [decibels(fit(heard.pcm[SETTLED:], f)[0] / 0.12) for f in frequencies]
    print(", ".join(f"{f} Hz {g:+.2f} dB" for f, g in zip(frequencies, gains, strict=True)))
    assert gains == pytest.approx([0] * len(gains), abs=0.5)


def unexplained(played: np.ndarray, heard: np.ndarray, window: int) -> np.ndarray:
    """How far `heard` deviates from any single filter applied to `played`: dB per window."""
    delay = int(np.argmax(np.correlate(heard[:8000], played[:6000], "valid")))
    lags = np.arange(-40, 41)
    rows = np.arange(delay + 100, min(len(heard), len(played) + delay) - 100)
    x = played[rows[:, None] - delay - lags]
    taps, *_ = np.linalg.lstsq(x[::10], heard[rows[::10]], rcond=None)
    rest = heard[rows] - x @ taps
    rest = rest[: len(rest) // window * window].reshape(-1, window)
    return 10 * np.log10(np.mean(rest**2, axis=1) / np.mean(heard[rows] ** 2))


def test_no_sample_is_lost(inference_image):
    t = np.arange(3 * RATE) / RATE
    sweep = 0.4 * np.sin(2 * np.pi * (200 * t + 1000 * t**2))  # 200 Hz to 6.2 kHz
    heard = record(inference_image, np.round(32767 * sweep).astype(np.int16))
    assert heard.stats["overruns"] == 0
    steps = np.diff(heard.sequence)
    assert (steps == 1).all()
    # the clock: a line through all arrival times averages out the jitter of single blocks
    blocks_a_ms, _ = np.polyfit(heard.t_ms, heard.sequence, 1)
    rate = blocks_a_ms * 1000 * len(heard.pcm) / len(heard.sequence)
    assert rate == pytest.approx(RATE, rel=0.0005)
    # the samples: a lost or repeated sample would shift everything after it
    window = RATE // 10  # the DC filter settles during the first window
    worst = unexplained(sweep, heard.pcm / 32768, window)[1:].max()
    print(f"{rate:.2f} Hz, worst tenth of a second {worst:.1f} dB")
    assert worst < -50
    lossy = np.delete(heard.pcm, 2 * RATE)
    # the method detects a lost sample
    assert unexplained(sweep, lossy / 32768, window)[1:].max() > -30


def test_run_writes_what_the_board_sends(inference_image, tmp_path):
    clip, heard, led = tmp_path / "clip.wav", tmp_path / "heard.wav", tmp_path / "led.csv"
    soundfile.write(clip, np.stack([tone(1000, 0.5, 1.2)] * 2, 1), RATE)  # stereo is mixed down
    arguments = ["virtual", "run", inference_image, "--audio", clip]
    arguments += ["--pcm-out", heard, "--led-out", led]
    done = CliRunner().invoke(main, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    with wave.open(str(heard)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE, 2, 1)
        assert file.getnframes() == pytest.approx(2.2 * RATE, abs=0.06 * RATE)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    amplitude, snr = fit(pcm[SETTLED : int(1.1 * RATE)], 1000)
    assert decibels(amplitude / 0.5) == pytest.approx(0, abs=0.5) and snr >= 80
    header, *rows = led.read_text().splitlines()
    assert header == "t_ms,level"
    times, levels = np.array([row.split(",") for row in rows], float).T
    assert (np.diff(times) >= 0).all() and (levels >= 0).all() and (levels <= 1).all()
    # the network classifies the tone as loud, and the silence after it as quiet
    assert levels[times < 1200].max() > 0.9 and levels[-1] < 0.1


def test_run_refuses_to_write_what_never_came(bench_image, tmp_path):
    arguments = ["virtual", "run", str(bench_image), "--seconds", "0.1"]
    done = CliRunner().invoke(main, [*arguments, "--pcm-out", str(tmp_path / "none.wav")])
    assert done.exit_code == 1 and "no audio came" in done.output
    assert list(tmp_path.iterdir()) == []
