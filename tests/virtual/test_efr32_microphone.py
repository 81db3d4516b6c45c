"""From I2S samples through USART and LDMA to blocks on an EFR32MG24.

Runs the microphone app's linked image on register models.
"""

import numpy as np
import pytest

from support.efr32_pcm import blocks, streaming
from support.led_astray import stuck

FREE = 0x2003F000  # RAM the image does not use
BLOCK, RING = 128, 64
SETTLING_MS = 256  # the microphone outputs zeros for this time, which the driver drops


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(6).integers(-32768, 32768, 40_000).astype(np.int16)


@pytest.fixture
def chip(efr32_mic_image, noise, powered):
    chip = powered(efr32_mic_image, "xg24_dev_kit")
    chip.play(noise)
    return chip


@pytest.fixture
def client(chip):
    """A client that has started the PCM stream."""
    return streaming(chip)


def heard(got, noise, shift=0):
    """Does each block equal what was played at its time, `shift` samples later?"""
    starts = {number * BLOCK + shift: pcm for number, pcm in got.items()}
    return bool(starts) and all((noise[at : at + BLOCK] == pcm).all() for at, pcm in starts.items())


def test_it_samples_at_16_khz_to_the_clock(client, chip):
    chip.core.run_ms(20)
    assert chip.usart.rate_hz == 16_000
    before = chip.usart.frames
    chip.core.run_ms(500)
    assert chip.usart.frames - before == pytest.approx(8_000, abs=1)


def test_blocks_are_what_the_microphone_heard_from_the_first_sample_on(client, chip, noise):
    got = blocks(client, chip, SETTLING_MS + 600)
    assert sorted(got) == list(range(len(got))) and len(got) >= 70
    assert heard(got, noise)
    stats = client.command("stats")
    assert stats["overruns"] == stats["dropped"] == 0


def test_before_it_has_settled_nothing_is_heard(client, chip):
    assert blocks(client, chip, SETTLING_MS - 60) == {}


def test_lost_interrupts_lose_nothing(client, chip, noise):
    blocks(client, chip, SETTLING_MS)
    chip.ldma.lose_interrupts = 20
    got = blocks(client, chip, 400)
    assert chip.ldma.lose_interrupts == 0 and len(got) >= 40
    assert sorted(got) == list(range(min(got), max(got) + 1))
    assert heard(got, noise)
    assert client.command("stats")["overruns"] == 0


def test_blocks_nobody_fetched_are_counted_and_the_rest_is_whole(client, chip, noise):
    early = blocks(client, chip, SETTLING_MS + 100)
    with stuck(chip.core, FREE):
        chip.core.run_ms(600)
    late = blocks(client, chip, 300)
    lost = min(late) - max(early) - 1
    assert 0 < lost == client.command("stats")["overruns"]
    # everything in the ring was delivered, except for the block being written
    assert lost == pytest.approx(600 / 8 - (RING - 1), abs=2)
    assert sorted(late) == list(range(min(late), max(late) + 1))
    assert heard(early | late, noise)


def test_a_late_ldma_is_an_overrun_and_the_stream_goes_on(client, chip, noise):
    early = blocks(client, chip, SETTLING_MS + 100)
    chip.ldma.stalled = True
    chip.core.run_ms(2)
    chip.ldma.stalled = False
    assert 50 < chip.usart.lost < 70  # 2 ms of both channels, minus what the USART's FIFO holds
    late = blocks(client, chip, 100)
    assert client.command("stats")["overruns"] == 1
    assert heard(early, noise)
    after = {n: pcm for n, pcm in late.items() if n > max(early) + 2}
    # the overrun counts as one block, of which only the samples that the USART dropped are missing
    dropped = next(n for n in range(BLOCK) if heard(after, noise, n - BLOCK))
    assert 25 < dropped < 35  # the left and right channels were not swapped


def test_a_bus_error_of_the_ldma_is_told(client, chip):
    chip.core.run_ms(10)
    chip.core.run_ms(10)
    chip.ldma.fail(0)
    chip.core.run_ms(20)
    assert b"microphone: the LDMA met a bus error\r\n" in bytes(chip.uart.out)
    assert [cause for _, cause in chip.core.resets] == ["power-on", "software"]


def test_it_is_off_while_nobody_listens_and_hears_again_after_that(client, chip, noise):
    assert chip.gpio.high(chip.usart.pins["MICROPHONE_ENABLE"])
    blocks(client, chip, SETTLING_MS + 50)
    client.command("pcm off")
    blocks(client, chip, 20)
    before = chip.usart.frames
    assert not chip.gpio.high(chip.usart.pins["MICROPHONE_ENABLE"])
    assert blocks(client, chip, 100) == {}
    assert chip.usart.frames == before
    chip.play(noise)
    client.command("pcm on")
    got = blocks(client, chip, SETTLING_MS + 100)
    first = min(got)
    assert len(got) >= 10
    assert heard({number - first: pcm for number, pcm in got.items()}, noise)
