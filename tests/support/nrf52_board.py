"""Helpers for tests of nRF52840 images."""

from __future__ import annotations

import numpy as np
import pytest

from otolith.device import Client, VirtualTransport
from otolith.device.frames import Frame
from otolith.virtual.nrf52840 import VirtualNrf52840

# One board without a boot loader and one with. `make soak` adds the third.
BOARDS = [
    "nrf52840_dk",
    "seeed_xiao_nrf52840_sense",
    pytest.param("arduino_nano33ble_sense", marks=pytest.mark.soak),
]
RATE = 16_000


def plugged(image, board="nrf52840_dk", order="linux"):
    """A board and its client, after hello over USB."""
    virtual = VirtualNrf52840(image, board)
    virtual.plug_usb(order)
    client = Client(VirtualTransport(virtual))
    client.hello()
    return virtual, client


def frames(found, kind):
    return [m for m in found if isinstance(m, Frame) and m.type == kind]


def samples(found):
    """The samples of all PCM frames, concatenated."""
    return np.concatenate([np.frombuffer(m.data, "<i2") for m in frames(found, "P")])


def tone(seconds, amplitude=16000, hertz=700):
    t = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.int16)
