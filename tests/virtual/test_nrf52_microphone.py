"""nRF52840 images on register models: from the PDM peripheral's DMA to scores and events."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.listen.chain import Chain
from support import small_models
from support.heard import events, messages
from support.nrf52_board import BOARDS, frames, plugged, samples, tone
from support.parity import assert_frames, assert_same

PDM_IRQ = 16 + 29
BLOCK, BLOCK_MS = 128, 8
RING = 64


@pytest.fixture
def image(nrf52_image):
    return nrf52_image("nrf52840_dk")


def counting(count):
    return np.arange(1, count + 1).astype(np.int16)


def test_what_the_microphone_hears_gives_the_hosts_features_scores_and_events(image):
    board, client = plugged(image)
    for line in ("scores on", "features on", "pcm on"):
        client.command(line)
    client.ask("restart")
    sound = np.concatenate([tone(0.9), np.zeros(8000, np.int16), tone(1.1)])
    board.play(sound)
    found = messages(client, 2600) + client.ask("pcm off")[1]
    pcm = frames(found, "P")
    assert [m.sequence for m in pcm] == list(range(len(pcm))) and len(pcm) > 300
    heard = samples(found)
    begin = int(np.flatnonzero(heard)[0]) - 1  # the tone begins with a 0
    np.testing.assert_array_equal(heard[begin : begin + len(sound)], sound)
    assert not heard[:begin].any() and not heard[begin + len(sound) :].any()
    chain = Chain(small_models.loudness())
    hops = [chain.push(h) for h in heard[: len(heard) // 512 * 512].reshape(-1, 512)]
    scored = [h for h in hops if h.q is not None]
    told = [(m["hop"], m["t_ms"], m["q"], m["smoothed"]) for m in events(found, "scores")]
    assert told == [(h.hop, h.t_ms, h.q.tolist(), h.smoothed.tolist()) for h in scored]
    assert len(scored) > 40
    assert_frames([np.frombuffer(m.data, "<i2") for m in frames(found, "F")], hops)
    detections = [(m["t_ms"], m["label"]) for m in events(found, "detect")]
    assert detections == [(h.t_ms, h.event[0]) for h in hops if h.event] and detections
    assert max(1 - high for _, high in board.pwm.trace) > 0.3  # lit: the LED is active low
    assert client.command("stats")["overruns"] == 0
    assert board.faults == []


@pytest.mark.slow
def test_the_peripheral_amplifies_up_to_20_db_and_the_driver_the_rest(image):
    board, client = plugged(image)
    sound = tone(0.3, 100)
    levels = {}
    for db in (12, 40, -40):
        assert client.microphone(db).gain_db == db
        board.play(sound)
        client.command("pcm on")
        levels[db] = int(np.abs(samples(messages(client, 300) + client.ask("pcm off")[1])).max())
        register = 0x28 + 2 * min(max(db, -20), 20)
        assert board.pdm.registers[0x518] == board.pdm.registers[0x51C] == register
    assert levels[12] == pytest.approx(398, 0.02)
    assert levels[40] == pytest.approx(10_000, 0.02)  # 20 dB each
    assert levels[-40] == pytest.approx(1, abs=1)
    assert client.ask_hello().gain_db == -40 and board.faults == []


def test_injected_sound_gives_what_it_gives_here(image):
    board, client = plugged(image)
    pcm = np.concatenate([np.zeros(14_000, np.int16), tone(0.62, 1000)])
    result = client.inject(pcm)
    assert_same(result, list(Chain(small_models.loudness()).run(pcm)))
    assert result.events and client.garbage == 0 and board.faults == []


@pytest.mark.parametrize("name", BOARDS)
def test_power_pin_and_blocks_of_each_boards_microphone(name, nrf52_image):
    board, client = plugged(nrf52_image(name), name)
    client.command("pcm on")
    board.play(counting(4000))
    heard = samples(messages(client, 400))
    begin = int(np.flatnonzero(heard)[0])
    np.testing.assert_array_equal(heard[begin : begin + 4000], counting(4000))
    assert board.faults == []


@pytest.mark.parametrize("blocks", [1, 2, 40])
def test_blocks_filled_over_while_the_interrupt_was_late_are_counted(blocks, image):
    """Disable the interrupt for some blocks.

    The blocks before and after are intact, and each sample is at the position that the block
    numbers give.
    """
    board, client = plugged(image)
    client.command("pcm on")
    messages(client, 50)
    board.play(counting(20_000))
    found = messages(client, 100)
    assert board.core.run_until(lambda: PDM_IRQ not in board.core.system.pending, 20)
    board.core.system.enabled.discard(PDM_IRQ)
    board.run_ms(BLOCK_MS * blocks + 1)
    board.core.system.enabled.add(PDM_IRQ)
    found += messages(client, 1300)
    lost = events(found, "stats")[-1]["overruns"]
    assert lost == blocks - 1 or lost == blocks
    pcm = {m.sequence: np.frombuffer(m.data, "<i2") for m in frames(found, "P")}
    numbers = sorted(pcm)
    assert len(set(range(numbers[0], numbers[-1] + 1)) - set(numbers)) == lost
    first = min(n for n in numbers if pcm[n].any())
    for n in numbers:
        begin = (n - first) * BLOCK + 1
        if n >= first and begin + BLOCK <= 20_000:
            np.testing.assert_array_equal(pcm[n], np.arange(begin, begin + BLOCK))


def test_blocks_nobody_reads_in_time_are_counted_and_the_rest_is_whole(image):
    board, client = plugged(image)
    client.command("pcm on")
    messages(client, 50)
    board.play(counting(32_000))
    found = messages(client, 100)
    board.core.hold_ms(BLOCK_MS * 100)
    found += messages(client, 1500)
    stats = events(found, "stats")[-1]
    assert stats["overruns"] == pytest.approx(100 - (RING - 2), abs=3)
    pcm = {m.sequence: np.frombuffer(m.data, "<i2") for m in frames(found, "P")}
    numbers = sorted(pcm)
    gone = len(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    # dropped blocks found no room in the transmit ring
    assert gone == stats["overruns"] + stats["dropped"]
    first = min(n for n in numbers if pcm[n].any())
    for n in numbers:
        begin = (n - first) * BLOCK + 1
        if n >= first and begin + BLOCK <= 32_000:
            np.testing.assert_array_equal(pcm[n], np.arange(begin, begin + BLOCK))


def test_interrupts_are_short(image):
    """The longest stretch in handler mode, in instructions."""
    board, client = plugged(image)
    client.command("pcm on")
    longest = entered = 0
    enter, leave = board.core.system.enter, board.core.system.leave

    def entering(number):
        nonlocal entered
        entered = board.core.cycles
        enter(number)

    def leaving():
        nonlocal longest
        longest = max(longest, board.core.cycles - entered)
        leave()

    board.core.system.enter, board.core.system.leave = entering, leaving
    messages(client, 500)
    assert 20 < longest < 2000  # 31 us of 64 MHz
