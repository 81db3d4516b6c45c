"""nRF52840 images on register models: TinyUSB's nrf5x driver between our code and a computer."""

from __future__ import annotations

import random

import numpy as np
import pytest

from otolith.device import Client, VirtualTransport
from otolith.virtual.nrf52840 import VirtualNrf52840
from otolith.virtual.usb_host import ENUMERATIONS
from support.heard import events, messages
from support.nrf52_board import plugged, samples

IN_STREAM, ISO_ENDPOINT = 1, 0x88
DEVICE, CONFIGURATION, STRING = 0x100, 0x200, 0x300


@pytest.fixture
def mic_elf(nrf52_image):
    return nrf52_image("nrf52840_dk-mic")


@pytest.fixture
def board(mic_elf):
    board = VirtualNrf52840(mic_elf)
    board.plug_usb()
    yield board
    assert board.faults == []


def audio(board):
    data = np.frombuffer(bytes(board.usb.audio), "<i2")
    board.usb.audio.clear()
    return data


@pytest.mark.parametrize("app", ["nrf52840_dk", "nrf52840_dk-mic"])
@pytest.mark.parametrize("order", ENUMERATIONS)
def test_enumerates_in_the_order_of_each_system(order, app, nrf52_image):
    board = VirtualNrf52840(nrf52_image(app))
    board.plug_usb(order, console=False)
    assert board.usbd.address == 5 and board.faults == []
    done = board.usb.enumerate(order)  # enumerate again: the descriptors must be the same
    answers = {step: result for step, result in done}
    device = answers[(0x80, 6, DEVICE, 0, 18)].data
    assert len(device) == 18 and device[8:12] == bytes.fromhex("0912") + bytes(
        [2 if "mic" in app else 1, 0]
    )
    whole = board.usb.configuration
    assert len(whole) == int.from_bytes(whole[2:4], "little")
    text = answers[(0x80, 6, STRING | 3, 0x409, 255)].data
    assert text[2:].decode("utf-16le") == "E6614C311B5A7E24"
    addresses = [address for address, _, _ in board.usb.endpoints()]
    assert (ISO_ENDPOINT in addresses) == ("mic" in app)
    board.usb.open_console()
    assert Client(VirtualTransport(board)).hello()["board"] == "nrf52840_dk"


def test_power_that_is_there_before_the_chip_starts(mic_elf):
    board = VirtualNrf52840(mic_elf)
    board.power.vbus = board.power.supplied = True
    board.core.reset("reset pin")
    assert board.core.run_until(lambda: board.usbd.attached, 20)
    board.usb.start()
    board.usb.enumerate()


def test_unplugged_and_plugged_in_again(board):
    for order in ("windows", "linux"):
        board.unplug_usb()
        board.run_ms(50)
        assert not board.usbd.attached and not board.usbd.enabled_port
        assert board.power.crystal  # the microphone needs it
        board.plug_usb(order)
        client = Client(VirtualTransport(board))
        assert client.hello()["app"] == "usb_mic"


def test_bus_resets_do_no_harm(board):
    for _ in range(5):
        board.usb.enumerate("macos")
    board.usb.open_console()
    assert Client(VirtualTransport(board)).hello()["app"] == "usb_mic"


def test_a_stream_of_counted_samples_arrives_whole(board):
    client = Client(VirtualTransport(board))
    client.command("counter on")
    assert board.usb.stream(True).status == "ok"
    board.run_ms(100)
    audio(board)
    missed = board.usb.missed_frames
    board.run_ms(1500)
    heard = audio(board)
    assert len(heard) == pytest.approx(24_000, abs=300)
    assert set(np.diff(heard.view(np.uint16)).tolist()) == {1}
    assert board.usb.missed_frames == missed
    assert {size for _, size in board.usb.packets[-1400:]} <= {30, 32, 34}
    stats = client.command("stats")
    assert stats["lost"] == stats["underruns"] == stats["overruns"] == 0
    assert board.led_brightness > 0.9


def test_the_stream_is_what_the_microphone_hears(board):
    sound = np.random.default_rng(1).integers(-32768, 32768, 20_000).astype(np.int16)
    board.usb.stream(True)
    board.run_ms(100)
    audio(board)
    board.play(sound)
    board.run_ms(1500)
    heard = audio(board)
    begin = int(np.flatnonzero(heard)[0])
    np.testing.assert_array_equal(heard[begin : begin + len(sound)], sound)


def test_streaming_can_be_switched_on_and_off_for_ever(board):
    client = Client(VirtualTransport(board))
    client.command("counter on")
    for _ in range(30):
        assert board.usb.stream(True).status == "ok"
        board.run_ms(40)
        heard = audio(board)
        assert len(heard) > 100 and set(np.diff(heard.view(np.uint16)).tolist()) == {1}
        assert board.usb.stream(False).status == "ok"
        board.run_ms(5)
        audio(board)
    assert board.control(0x01, 11, 2, IN_STREAM, 0).status == "stall"  # no such alternate setting
    assert client.command("stats")["overruns"] == 0


def test_suspend_stops_the_microphone_and_resume_brings_it_back(board):
    client = Client(VirtualTransport(board))
    board.usb.stream(True)
    board.run_ms(100)
    board.usb.stop()
    board.usbd.suspend()
    board.run_ms(50)
    assert not board.pdm.running and board.led_brightness == 0
    board.run_ms(3000)  # the watchdog is fed meanwhile
    board.usbd.resume()
    board.usb.start()
    board.run_ms(100)
    audio(board)
    assert board.pdm.running and len(board.core.resets) == 1
    client.command("counter on")
    board.run_ms(100)
    heard = audio(board)
    assert set(np.diff(heard[-500:].view(np.uint16)).tolist()) == {1}


def test_malformed_requests_are_refused_and_the_next_is_answered(board):
    rng = random.Random(7)
    device = board.control(0x80, 6, DEVICE, 0, 18).data
    for _ in range(400):
        kind = rng.choice([0x00, 0x01, 0x02, 0x21, 0x22, 0x40, 0x80, 0x81, 0x82, 0xA1, 0xA2, 0xC0])
        request = rng.choice([0, 1, 3, 6, 7, 8, 10, 11, 12, 0x20, 0x21, 0x22, 0x23, 0x81, 0xFF])
        value, index = rng.choice([0, 1, 0x100, 0x2FF, 0xFFFF]), rng.choice([0, 1, 2, 0x88, 0x401])
        length = rng.choice([0, 1, 2, 7, 8, 64, 65, 300])
        sent = b"" if kind & 0x80 else bytes(rng.choice([length, length // 2]))
        abandon = rng.choice([None, None, None, 0, 1])
        board.control(kind, request, value, index, length, sent, abandon)
        answer = board.control(0x80, 6, DEVICE, 0, 18)
        assert (answer.status, answer.data) == ("ok", device), (kind, request, value, index, length)
    board.usb.enumerate()
    board.usb.open_console()
    assert Client(VirtualTransport(board)).hello()["app"] == "usb_mic"


def test_console_takes_and_gives_a_lot(mic_elf):
    board, client = plugged(mic_elf)
    client.command("pcm on")
    found = messages(client, 1200)
    assert len(samples(found)) == pytest.approx(19_200, abs=600)
    assert client.garbage == 0 and events(found, "stats")[-1]["dropped"] == 0
    client.command("pcm off")
    board.usb.send(b"version\n" * 300)
    answered = events(messages(client, 1500), "hello")
    assert len(answered) + client.command("stats")["dropped"] >= 300
    assert board.faults == []
