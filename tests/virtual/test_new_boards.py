"""The USB microphone of boards whose image no other test runs, on the chip's emulator."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.device import Client, VirtualTransport
from otolith.device.boards import load_boards, named
from otolith.virtual import class_for
from support.images import build

OTHERS = {  # their images run in other tests
    "arduino_nano33ble_sense",
    "mps2_an386",
    "mps2_an505",
    "nrf52840_dk",
    "pico",
    "pico2",
    "seeed_xiao_mg24_sense",
    "seeed_xiao_nrf52840_sense",
    "xg24_dev_kit",
    "xg24_dev_kit_brd2601a",
}


@pytest.mark.soak
@pytest.mark.parametrize("name", [b.id for b in load_boards() if b.id not in OTHERS])
def test_its_microphone_and_its_led_are_on_the_pins_of_its_file(name, powered, tmp_path):
    image = build(f"{name}-mic", None, tmp_path, class_for(name).IMAGE)
    board = powered(image, name)
    board.run_ms(60)
    hello = Client(VirtualTransport(board)).hello(timeout_ms=1000)
    assert (hello.board, hello.microphone) == (name, named(name).microphone.kind)
    board.run_ms(300)  # an I2S microphone is silent at first
    tone = 16_000 * np.sin(2 * np.pi * 997 * np.arange(16_000) / 16_000)
    board.play(np.round(tone).astype(np.int16))
    board.read_audio()
    board.run_ms(400)
    heard = board.read_audio()[-3_000:].astype(float)
    assert np.std(heard) * 2**0.5 == pytest.approx(16_000, rel=0.03)
    assert board.led[-1][1] == 1  # a computer records
    assert not [e for e in board.events if e.kind in ("fault", "reset")]
