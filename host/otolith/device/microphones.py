"""Kinds of microphones, and what each chip family's driver for one needs.

A driver is lib/board/src/FAMILY/microphone_KIND.c and one line of DRIVERS. A board's JSON names the
kind under `otolith.microphone`; without it, a board has the first kind of its family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GAIN_LOWEST, GAIN_HIGHEST = -40, 60  # dB, as MICROPHONE_GAIN_* in lib/board/src/board.h
KIND_NONE = "none"


@dataclass(frozen=True)
class Driver:
    """A driver for one kind of microphone on one chip family. Families may share a file.

    outputs, inputs, analog: signals under `otolith.pins` that it needs, by what their pins do.
    optional: outputs that a board may have.
    parts: microphones it is written for.
    """

    family: str
    kind: str
    parts: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    analog: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def signals(self) -> tuple[str, ...]:
        """Signals that the board's JSON must give pins for."""
        return self.inputs + self.outputs + self.analog


PDM_PARTS = ("MP34DT05", "MSM261D3526H1CPM", "SPH0641", "Adafruit 3492")
I2S_PARTS = ("INMP441", "ICS-43434", "SPH0645")
ANALOG_PARTS = ("MAX9814", "MAX4466")

# The first one of a family is that of boards whose JSON names none.
DRIVERS: tuple[Driver, ...] = (
    Driver("rp2040", "pdm", PDM_PARTS, ("PDM_CLOCK",), ("PDM_DATA",)),
    Driver("rp2040", "i2s", I2S_PARTS, ("I2S_CLOCK", "I2S_WORD"), ("I2S_DATA",)),
    Driver("rp2040", "adc", ANALOG_PARTS, analog=("ADC",)),
    Driver("rp2350", "pdm", PDM_PARTS, ("PDM_CLOCK",), ("PDM_DATA",)),
    Driver("rp2350", "i2s", I2S_PARTS, ("I2S_CLOCK", "I2S_WORD"), ("I2S_DATA",)),
    Driver("rp2350", "adc", ANALOG_PARTS, analog=("ADC",)),
    Driver("nrf52", "pdm", PDM_PARTS, ("PDM_CLOCK",), ("PDM_DATA",), (), ("MICROPHONE_POWER",)),
    Driver(
        "nrf52",
        "i2s",
        I2S_PARTS,
        ("I2S_CLOCK", "I2S_WORD", "I2S_FRAME"),
        ("I2S_DATA",),
        (),
        ("MICROPHONE_POWER",),
    ),
    Driver(
        "efr32",
        "i2s",
        ("ICS-43434",),
        ("I2S_CLOCK", "I2S_WORD", "MICROPHONE_ENABLE"),
        ("I2S_DATA",),
    ),
    Driver(
        "efr32",
        "adc",
        ("MSM381ACT001", *ANALOG_PARTS),
        analog=("ADC",),
        optional=("MICROPHONE_POWER",),
    ),
)


@dataclass(frozen=True)
class Microphone:
    """A board's microphone, as its JSON file describes it under `otolith.microphone`.

    kind: "pdm", "i2s", "adc" or "none".
    gain_db: amplification from the start, dB.
    channel: "left" or "right": which slot, or which level of SELECT, it is wired for.
    part: its name, for people. "SPH0645" also chooses that chip's odd timing.
    on_board: whether it is on the board. If not, it is wired by hand.
    """

    kind: str = KIND_NONE
    gain_db: int = 0
    channel: Literal["left", "right"] = "left"
    part: str = ""
    on_board: bool = False

    @property
    def read_falling(self) -> bool:
        """Whether its bits change as the bit clock rises, so that they are read as it falls."""
        return self.part.upper().startswith("SPH0645")


NO_MICROPHONE = Microphone()


def drivers_of(family: str) -> dict[str, Driver]:
    """The drivers of a chip family by kind, the default one first."""
    return {driver.kind: driver for driver in DRIVERS if driver.family == family}


def default_kind(family: str) -> str:
    """The kind of microphone of boards of `family` whose JSON names none."""
    return next(iter(drivers_of(family)), KIND_NONE)


def defines(microphone: Microphone) -> list[tuple[str, str | int]]:
    """Macros of the C sources that differ from their defaults: pdm, 0 dB, left."""
    told: list[tuple[str, str | int]] = []
    if microphone.kind not in (KIND_NONE, "pdm"):
        told.append(("BOARD_MICROPHONE_KIND", f'\\"{microphone.kind}\\"'))
        told.append((f"BOARD_MICROPHONE_{microphone.kind.upper()}", 1))
    if microphone.gain_db:
        told.append(("BOARD_MICROPHONE_GAIN_DB", f"({microphone.gain_db})"))
    if microphone.channel == "right":
        told.append(("BOARD_MICROPHONE_RIGHT", 1))
    if microphone.read_falling:
        told.append(("BOARD_MICROPHONE_READ_FALLING", 1))
    return told
