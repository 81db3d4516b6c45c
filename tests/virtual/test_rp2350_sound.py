"""Sound through an RP2350's images: microphone, PIO, DMA, lib/pdm; the chain; USB audio."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from otolith.cli import main
from otolith.compile.engine import HostModel
from otolith.device import Client, VirtualTransport
from otolith.device.frames import Frame
from otolith.listen.chain import Chain
from otolith.virtual.rp2040 import VirtualPico
from otolith.virtual.rp2350.chip import VirtualPico2
from otolith.virtual.usb_host import ENUMERATIONS
from support import front_end_model, small_models
from support.images import build
from support.parity import assert_same
from support.pdm_stream import Stream
from support.soak import depth

RATE = 16_000
BLOCK = 128


def tone(seconds, amplitude=12_000, hertz=700):
    t = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def hiss(seconds):
    """Noise, in which no two stretches are alike."""
    values = np.random.default_rng(5).normal(0, 4000, int(seconds * RATE))
    return values.clip(-20000, 20000).astype(np.int16)


def decimated(board):
    """lib/pdm's samples for all bits that the microphone was clocked for, on this computer."""
    bits = np.frombuffer(board.read_bits(), np.uint8)
    pin = np.concatenate([[0], bits])  # the first sample is taken before the first falling edge
    return Stream().bytes(pin[: len(pin) // 64 * 64])


def position(pcm, within):
    """Where `pcm` begins in `within`, which must contain it whole."""
    for start in range(0, len(within) - len(pcm) + 1):
        if within[start] == pcm[0] and np.array_equal(within[start : start + len(pcm)], pcm):
            return start
    raise AssertionError("these samples are nowhere in what the microphone gave")


def streamed(board, client, ms):
    """The PCM frames of the console, and their numbers."""
    end = board.time_ms + ms
    frames = []
    for message in client.lines(timeout_ms=100):
        if isinstance(message, Frame) and message.type == "P":
            frames.append(message)
        if board.time_ms >= end:
            break
    return np.concatenate([np.frombuffer(f.data, "<i2") for f in frames]), [
        f.sequence for f in frames
    ]


def test_no_sample_is_lost_between_the_microphones_pin_and_the_chain(pico2_image):
    board = VirtualPico2(pico2_image, keep_bits=True)
    board.plug_usb()
    client = Client(VirtualTransport(board))
    client.hello()
    client.command("pcm on")
    board.play(hiss(2))
    pcm, numbers = streamed(board, client, depth(1500, 60_000))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    stats = client.command("stats")
    assert stats["overruns"] == stats["dropped"] == 0
    assert position(pcm, decimated(board)) % BLOCK == 0
    assert board.faults == [] and client.garbage == 0


def test_no_sample_is_lost_as_nanoseconds_get_coarse(pico2_image):
    """Beyond 2^35 ns a float has no millionth of a nanosecond left."""
    board = VirtualPico2(pico2_image, keep_bits=True)
    board.core.power_late(2**35 - 500e6)
    board.plug_usb()
    client = Client(VirtualTransport(board))
    client.hello()
    client.command("pcm on")
    board.play(hiss(2))
    pcm, numbers = streamed(board, client, 900)
    assert board.core.now_ns > 2**35 + 200e6 and board.faults == []
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert position(pcm, decimated(board)) % BLOCK == 0
    assert client.command("stats")["overruns"] == 0 and client.garbage == 0


@pytest.mark.slow
def test_an_image_of_the_pico_2_w_boots_and_gives_the_hosts_results(powered, tmp_path):
    board = powered(build("pico2_w", small_models.loudness(), tmp_path), "pico2_w")
    client = Client(VirtualTransport(board))
    assert client.hello(timeout_ms=1000)["board"] == "pico2_w"
    pcm = np.concatenate([hiss(0.4) // 20, tone(0.8)])
    assert_same(client.inject(pcm), list(Chain(small_models.loudness()).run(pcm)))
    assert board.faults == []


def test_a_tone_is_heard_80_db_above_noise(pico2_image):
    board = VirtualPico2(pico2_image)
    board.plug_usb()
    client = Client(VirtualTransport(board))
    client.command("pcm on")
    board.play(tone(1.6, 16_384, 1000))
    pcm, _ = streamed(board, client, 1300)
    x = pcm[int(0.5 * RATE) :] / 32768
    angle = 2 * np.pi * 1000 * np.arange(len(x)) / RATE
    basis = np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle)], axis=1)
    found, *_ = np.linalg.lstsq(basis, x, rcond=None)
    amplitude = float(np.hypot(found[0], found[1]))
    snr = 10 * np.log10(amplitude**2 / 2 / np.mean((x - basis @ found) ** 2))
    print(f"SNR {snr:.1f} dB, level {20 * np.log10(amplitude):.2f} dBFS")
    assert snr >= 80
    assert 20 * np.log10(amplitude / 0.5) == pytest.approx(0, abs=0.5)


def test_a_late_main_loop_loses_whole_blocks_and_counts_them(pico2_image):
    board = VirtualPico2(pico2_image)
    board.plug_usb()
    client = Client(VirtualTransport(board))
    client.hello()
    board.core.hold_ms(800)  # the ring has room for 512 ms
    board.run_ms(300)
    stats = client.command("stats")
    assert stats["overruns"] == pytest.approx((800 - 512) / 8, abs=6)
    assert board.faults == []


def test_injected_sound_gives_the_hosts_results(pico2_image):
    board = VirtualPico2(pico2_image)
    board.plug_usb()
    client = Client(VirtualTransport(board))
    pcm = np.concatenate([hiss(0.4) // 20, tone(0.8), hiss(0.3) // 20])
    assert_same(client.inject(pcm), list(Chain(small_models.loudness()).run(pcm)))
    assert client.garbage == 0 and board.faults == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mfcc", pytest.param("logmel", marks=pytest.mark.soak)])
def test_injected_sound_gives_the_hosts_results_with_other_front_ends(kind, tmp_path):
    name, hop = {"mfcc": ("keyword", 2), "logmel": ("on_off", 4)}[kind]
    model = front_end_model.network(front_end_model.settings(name), hop)
    board = VirtualPico2(build("pico2", model, tmp_path))
    board.plug_usb()
    pcm = front_end_model.sound(1.3)
    result = Client(VirtualTransport(board)).inject(pcm)
    assert_same(result, list(Chain(model).run(pcm)))


@pytest.mark.soak
def test_host_run_gives_the_computers_output(tmp_path):
    (tmp_path / "sums.tflite").write_bytes(small_models.sums())
    model = HostModel(small_models.sums())
    rng = np.random.default_rng(1)
    value = rng.integers(-128, 128, model.compiled.schedule.network.inputs[0].shape, np.int8)
    np.save(tmp_path / "x.npy", value)
    names = [str(tmp_path / name) for name in ("sums.tflite", "x.npy", "y.npy")]
    done = CliRunner().invoke(
        main, ["run", names[0], "--input", names[1], "--output", names[2], "--board", "pico2"]
    )
    assert done.exit_code == 0 and " instructions (" in done.output, done.output
    np.testing.assert_array_equal(np.load(names[2]), model.invoke(value))


# ---- the USB microphone ----


def descriptors(ask):
    """Device and configuration descriptors, by GET_DESCRIPTOR."""
    device = ask(0x100, 18)
    size = int.from_bytes(ask(0x200, 9)[2:4], "little")
    return device, ask(0x200, size)


def test_usb_descriptors_are_those_of_the_pico(pico2_mic_image, mic_image, powered):
    pico = powered(mic_image)
    pico.run_ms(40)
    board = VirtualPico2(pico2_mic_image)
    board.plug_usb()
    assert descriptors(lambda v, n: board.control(0x80, 6, v, 0, n).data) == descriptors(
        lambda v, n: pico.control(0x80, 6, v, 0, n).data
    )
    assert isinstance(pico, VirtualPico)
    texts = [board.control(0x80, 6, 0x300 | n, 0x409, 255).data for n in (0, 1, 2, 4, 5)]
    assert texts == [pico.control(0x80, 6, 0x300 | n, 0x409, 255).data for n in (0, 1, 2, 4, 5)]


@pytest.mark.parametrize("order", ENUMERATIONS)
def test_every_computer_enumerates_it(order, pico2_mic_image):
    board = VirtualPico2(pico2_mic_image)
    board.plug_usb(order)
    assert board.usb.stream(True).status == "ok"
    board.run_ms(100)
    assert board.usb.audio and board.faults == []


@pytest.mark.deep
def test_the_audio_stream_is_the_microphones_bits_decimated(pico2_mic_image):
    """No sample is lost, repeated or changed on the way to the computer."""
    seconds = depth(2, 60)
    board = VirtualPico2(pico2_mic_image, keep_bits=True)
    board.plug_usb()
    board.play(hiss(seconds + 1))
    board.usb.stream(True)
    board.run_ms(20)
    board.usb.missed_frames = 0
    board.run_ms(1000 * seconds)
    audio = board.read_audio()
    assert len(audio) == pytest.approx((seconds + 0.02) * RATE, abs=2 * BLOCK)
    assert board.usb.missed_frames == 0
    assert {size for _, size in board.usb.packets[100:]} == {32}
    first = np.flatnonzero(audio)[0]
    position(audio[first:], decimated(board))
    stats = Client(VirtualTransport(board)).command("stats")
    assert [stats[k] for k in ("lost", "underruns", "overruns")] == [0, 0, 0]
    assert board.faults == []


def test_suspend_stops_the_microphone_and_resume_goes_on(pico2_mic_image):
    board = VirtualPico2(pico2_mic_image)
    board.plug_usb()
    board.usb.stream(True)
    board.run_ms(50)
    assert board.led_brightness == pytest.approx(1, abs=1e-3)
    board.usb.stop()  # no frames: the bus is suspended
    board.run_ms(50)
    assert board.led_brightness == 0
    clocked = board.microphone.bits_made
    board.run_ms(50)
    assert board.microphone.bits_made == clocked
    board.usbd.resume()
    board.run_ms(20)
    board.usb.start()
    board.run_ms(50)
    assert board.led_brightness == pytest.approx(1, abs=1e-3)
    assert board.microphone.bits_made > clocked and board.faults == []
