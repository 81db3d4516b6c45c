"""What the pins of a chip family can do, and what is wrong with a board's pins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from otolith.device.microphones import (
    DRIVERS,
    GAIN_HIGHEST,
    GAIN_LOWEST,
    KIND_NONE,
    Microphone,
    drivers_of,
)
from otolith.settings.problems import nearest

Pin = int | str


@dataclass(frozen=True)
class Pins:
    """A chip family's pins.

    exists: whether the chip has a pin of this name. range: these names, in words.
    analog: whether its ADC reads the pin. analog_range: these, in words.
    taken: pins that can't be used, and why.
    """

    exists: Callable[[Pin], bool]
    range: str
    analog: Callable[[Pin], bool] = lambda pin: False
    analog_range: str = "no pin"
    taken: Mapping[Pin, str] | None = None


def _matches(pattern: str) -> Callable[[Pin], bool]:
    return lambda pin: isinstance(pin, str) and re.fullmatch(pattern, pin) is not None


def _numbers(low: int, high: int) -> Callable[[Pin], bool]:
    return lambda pin: isinstance(pin, int) and low <= pin <= high


# RP2040 datasheet 1.4.3 and 4.9; nRF52840 Product Specification 6.9 and 7.1; EFR32MG24 data sheet,
# alternate function table and 6.6 (any pin of ports A to D reaches the IADC).
FAMILIES: Mapping[str, Pins] = {
    "rp2040": Pins(_numbers(0, 29), "0 to 29", _numbers(26, 29), "26 to 29"),
    "rp2350": Pins(_numbers(0, 29), "0 to 29", _numbers(26, 29), "26 to 29"),
    "nrf52": Pins(
        _matches(r"P0_([0-2]\d|3[01])|P1_(0\d|1[0-5])"),
        "P0_00 to P1_15",
        taken={"P0_18": "it is the reset pin"},
    ),
    "efr32": Pins(
        _matches(r"P(A(\d)|B[0-5]|C(\d)|D[0-5])"),
        "PA0 to PD5",
        _matches(r"P(A(\d)|B[0-5]|C(\d)|D[0-5])"),
        "PA0 to PD5",
    ),
}


def _side_by_side(pins: Mapping[str, Pin], microphone: Microphone) -> list[str]:
    """The PIO sets neighbouring pins."""
    clock, word = pins.get("I2S_CLOCK"), pins.get("I2S_WORD")
    if microphone.kind != "i2s" or not isinstance(clock, int) or not isinstance(word, int):
        return []
    if word == clock + 1:
        return []
    return [f"otolith.pins.I2S_WORD is {word}: it must be I2S_CLOCK + 1, {clock + 1}"]


EXTRA: Mapping[str, Callable[[Mapping[str, Pin], Microphone], list[str]]] = {
    "rp2040": _side_by_side,
    "rp2350": _side_by_side,
}


def problems(family: str, pins: Mapping[str, Pin], microphone: Microphone) -> list[str]:
    """All that is wrong with a board's pins and microphone, each in one line.

    Pins of the microphone kinds that the board does not use may overlap with others.
    """
    told = _of_microphone(family, pins, microphone)
    about = FAMILIES.get(family)
    if about is None:
        return told
    driver = drivers_of(family).get(microphone.kind)
    others = {
        signal
        for other in DRIVERS
        if other.family == family and other is not driver
        for signal in (*other.signals, *other.optional)
    }
    if driver is not None:
        others -= {*driver.signals, *driver.optional}
    used: dict[Pin, str] = {}
    for signal, pin in pins.items():
        where = f"otolith.pins.{signal}"
        if not about.exists(pin):
            told.append(f"{where} is {pin}: the chip has pins {about.range}")
            continue
        if about.taken and pin in about.taken:
            told.append(f"{where} is {pin}: {about.taken[pin]}")
        if signal in others:
            continue
        if pin in used:
            told.append(f"{where} is {pin}: {used[pin]} is on that pin too")
        used.setdefault(pin, signal)
        if driver is not None and signal in driver.analog and not about.analog(pin):
            told.append(f"{where} is {pin}: the ADC reads {about.analog_range}")
    if family in EXTRA:
        told += EXTRA[family](pins, microphone)
    return told


def _of_microphone(family: str, pins: Mapping[str, Pin], microphone: Microphone) -> list[str]:
    kind, drivers = microphone.kind, drivers_of(family)
    told = []
    if kind != KIND_NONE and kind not in drivers:
        there = list(drivers)
        guess = nearest(kind, there)
        meant = f"; {guess}" if guess.startswith("did") else ""
        told.append(
            f"otolith.microphone.kind is {kind!r}: {family} has "
            + (f"drivers for {', '.join(there)}{meant}" if there else "no driver for it")
        )
    if not GAIN_LOWEST <= microphone.gain_db <= GAIN_HIGHEST:
        told.append(
            f"otolith.microphone.gain_db is {microphone.gain_db}: it is {GAIN_LOWEST} to "
            f"{GAIN_HIGHEST} dB"
        )
    if kind in drivers:
        told += [
            f"otolith.pins.{signal} is missing: a microphone of kind {kind} needs it"
            for signal in drivers[kind].signals
            if signal not in pins
        ]
    return told
