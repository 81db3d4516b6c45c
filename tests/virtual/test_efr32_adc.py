"""From an analog microphone through IADC and LDMA to blocks on an EFR32MG24 (XIAO MG24 Sense).

Runs linked images on register models. SNR, pass band and gain: test_microphone_kinds.py.
"""

import numpy as np
import pytest

from otolith.device import Client, Line, VirtualTransport
from otolith.listen.chain import Chain
from otolith.virtual.efr32mg24 import MisuseError
from support import front_end_model, small_models
from support.efr32_pcm import blocks, streaming
from support.images import build
from support.led_astray import stuck
from support.parity import assert_same
from support.pcm_kinds import from_counts

BOARD = "seeed_xiao_mg24_sense"
FREE = 0x2003F000  # RAM the image does not use
RING, COUNTS = 64, 512  # blocks; counts a block
SETTLING, SETTLING_MS = 12, 100  # blocks that the driver drops


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return build(f"{BOARD}-mic", None, tmp_path_factory.mktemp("xiao"), "elf")


@pytest.fixture
def chip(image, powered):
    return powered(image, BOARD)


@pytest.fixture
def client(chip):
    """A client that has started the PCM stream."""
    return streaming(chip)


def whole(got):
    return bool(got) and sorted(got) == list(range(min(got), max(got) + 1))


@pytest.fixture
def counts(chip, monkeypatch):
    """All counts that the IADC makes; instead of a microphone's, they are noise."""
    made, noise = [], np.random.default_rng(6)

    def random(number, step_ns):
        made.append(noise.integers(0, 1 << 16, number))
        return made[-1]

    monkeypatch.setattr(chip.iadc.microphone, "counts", random)
    return made


def test_it_converts_64000_times_a_second_to_the_clock(client, chip):
    chip.core.run_ms(20)
    assert chip.iadc.period_ns == 15_625
    before = chip.iadc.conversions
    chip.core.run_ms(100)
    assert chip.iadc.conversions - before == pytest.approx(6_400, abs=8)


def test_blocks_are_what_this_computer_makes_of_the_counts(counts, client, chip):
    assert blocks(client, chip, SETTLING_MS - 20) == {}
    first = blocks(client, chip, 60)
    chip.ldma.lose_interrupts = 8
    got = first | blocks(client, chip, 140)
    assert chip.ldma.lose_interrupts == 0 and whole(got) and min(got) == 0 and len(got) >= 18
    expected = from_counts(np.concatenate(counts)[SETTLING * COUNTS :], bits=16)
    pcm = np.concatenate([got[n] for n in sorted(got)])
    np.testing.assert_array_equal(pcm, expected[: len(pcm)])
    stats = client.command("stats")
    assert stats["overruns"] == stats["dropped"] == chip.iadc.lost == 0


@pytest.mark.slow
def test_blocks_nobody_fetched_are_counted(client, chip):
    early = blocks(client, chip, SETTLING_MS + 60)
    with stuck(chip.core, FREE):
        chip.core.run_ms(560)
    late = blocks(client, chip, 60)
    got = early | late
    lost = max(got) + 1 - len(got)
    assert 0 < lost == client.command("stats")["overruns"]
    assert lost == pytest.approx(560 / 8 - (RING - 1), abs=2)
    assert np.diff(sorted(got)).max() == lost + 1  # all at once


def test_a_late_ldma_is_an_overrun_and_the_stream_goes_on(client, chip):
    blocks(client, chip, SETTLING_MS + 40)
    chip.ldma.stalled = True
    chip.core.run_ms(2)
    chip.ldma.stalled = False
    assert 110 < chip.iadc.lost < 130  # 2 ms, without what the FIFO holds
    assert whole(blocks(client, chip, 100))
    assert client.command("stats")["overruns"] == 1


def test_a_bus_error_of_the_ldma_is_told(client, chip):
    chip.core.run_ms(20)
    chip.ldma.fail(0)
    chip.core.run_ms(20)
    assert b"microphone: the LDMA met a bus error\r\n" in bytes(chip.uart.out)


def test_it_is_off_while_nobody_listens_and_hears_again_after_that(client, chip):
    assert chip.gpio.high("PC8") and chip.cmu.gives("CLKEN0", 10)
    assert blocks(client, chip, SETTLING_MS + 40)
    client.command("pcm off")
    blocks(client, chip, 20)
    before = chip.iadc.conversions
    assert not chip.gpio.high("PC8") and not chip.cmu.gives("CLKEN0", 10)
    assert blocks(client, chip, 50) == {} and chip.iadc.conversions == before
    client.command("pcm on")
    assert len(blocks(client, chip, SETTLING_MS + 100)) >= 8


EN, CTRL, CMD, TIMER, SINGLE = 0x4, 0x8, 0xC, 0x10, 0x98
START = 1 | 1 << 16


@pytest.mark.parametrize(
    ("writes", "reason"),
    [
        ([("clock", 0)], "without a clock"),
        ([(EN, 1), (TIMER, 576)], "TIMER written while enabled"),
        ([(SINGLE, 0xA901)], "SINGLE written while disabled"),
        ([(CMD, 1)], "CMD written while disabled"),
        ([(EN, 1), (SINGLE, 0xA901), (CMD, 1)], "before SINGLE was written"),
        ([(0x2C, 0), (EN, 1), (CMD, START)], "not one conversion for each period"),
        ([(EN, 1), (EN, 0), (EN, 1)], "enabled before it was disabled"),
        ([(CTRL, 0), (EN, 1), (CMD, START)], "73.728 MHz, more than 40"),
        ([(0x54, 0), (EN, 1), (CMD, START)], "more than 10"),
        ([(TIMER, 500), (EN, 1), (CMD, START)], "of a period of"),
        ([(CTRL, 36 << 16 | 1 << 28), (EN, 1), (CMD, START)], "of a period of"),
        ([(0x50, 0x8002C000), (EN, 1), (CMD, START)], "SCALE"),
    ],
)
def test_the_model_objects_to_what_the_manual_forbids(chip, writes, reason):
    """Without these checks the other tests would prove nothing."""
    chip.core.run_ms(5)
    chip.cmu.values["CLKEN0"] |= 1 << 10
    good = {CTRL: 36 << 16 | 1 << 28 | 2 << 4, TIMER: 576, 0x48: 1 << 28 | 2 << 12 | 4 << 2}
    good |= {0x50: 1 << 31 | 0x3EC00, 0x54: 3, 0x70: 1, 0x2C: 1 << 8}
    for at, value in good.items():
        chip.iadc.write32(at, value)
    with pytest.raises(MisuseError, match=reason):
        for at, value in writes:
            if at == "clock":
                chip.cmu.values["CLKEN0"] &= ~(1 << 10)
                chip.iadc.read32(EN)
            else:
                chip.iadc.write32(at, value)


@pytest.mark.slow
def test_injected_sound_gives_the_computers_results_and_a_heard_tone_is_told(powered, tmp_path):
    network = front_end_model.network(front_end_model.settings("keyword"), 2)
    chip = powered(build(BOARD, network, tmp_path, "elf"), BOARD)
    client = Client(VirtualTransport(chip))
    hello = client.hello()
    assert (hello["board"], hello.microphone) == (BOARD, "adc")
    pcm = front_end_model.sound(1.3)
    assert_same(client.inject(pcm), list(Chain(network).run(pcm)))
    assert client.garbage == 0 and chip.uart.lost == 0


@pytest.mark.slow
def test_inference_hears_every_block_and_tells_a_loud_tone(powered, tmp_path):
    chip = powered(build(BOARD, small_models.loudness(), tmp_path, "elf"), BOARD)
    client = Client(VirtualTransport(chip))
    client.hello()
    chip.core.run_ms(SETTLING_MS + 200)
    list(client.lines(1e-3))
    t = np.arange(16_000) / 16_000
    tone = 12_000 * np.sin(2 * np.pi * 700 * t) * ((t > 0.3) & (t < 0.8))
    chip.play(np.round(tone).astype(np.int16))
    chip.core.run_ms(1_100)
    told = [m for m in client.lines(0.1) if isinstance(m, Line)]
    assert [m["label"] for m in told if m["event"] == "detect"] == ["loud"]
    stats = client.command("stats")
    assert stats["overruns"] == stats["dropped"] == chip.iadc.lost == 0
    assert max(light for _, light in chip.led) > 0.5
