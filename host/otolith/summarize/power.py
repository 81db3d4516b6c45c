"""What a listening board draws: CPU load and currents of its parts as milliwatts and days."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError

CURRENTS = Path(__file__).parent / "currents.json"


@dataclass(frozen=True)
class Currents:
    """Currents of a chip family in mA, at `volts`.

    Attributes:
        active: CPU at work, from its usual clock.
        asleep: CPU waiting for an interrupt, clocks running.
        microphone: The microphone.
        volts: Supply.
        source: Where the figures come from, one a line.
    """

    active: float
    asleep: float
    microphone: float
    volts: float
    source: tuple[str, ...]


@dataclass(frozen=True)
class Power:
    """What a board draws on average.

    Attributes:
        load: Share of the time the CPU works, 0..1.
        milliamperes, milliwatts: On average.
        days: How long the battery lasts.
        assumptions: What that rests on.
    """

    load: float
    milliamperes: float
    milliwatts: float
    days: float
    assumptions: tuple[str, ...]


def currents_of(family: str) -> Currents | None:
    """The currents of a chip family; None if there are none."""
    found = json.loads(CURRENTS.read_text()).get(family)
    return found and Currents(**{**found, "source": tuple(found["source"])})


def power(load: float, currents: Currents, battery_mah: float) -> Power:
    """Turns a CPU load into milliwatts and days.

    Args:
        load: Share of the time the CPU works, 0..1.
        currents: Of the chip and the microphone.
        battery_mah: Capacity of the battery in mAh, all of it usable.

    Raises:
        UserError: The load or the capacity is out of range.
    """
    if not 0 <= load <= 1 or not battery_mah > 0:
        raise UserError(f"load {load:g}, battery {battery_mah:g} mAh: 0 to 1, and more than 0")
    mean = load * currents.active + (1 - load) * currents.asleep + currents.microphone
    return Power(
        load=load,
        milliamperes=round(mean, 3),
        milliwatts=round(mean * currents.volts, 2),
        days=round(battery_mah / mean / 24, 2),
        assumptions=(
            f"{currents.active:g} mA at work, {currents.asleep:g} mA asleep, microphone "
            f"{currents.microphone:g} mA, at {currents.volts:g} V",
            *currents.source,
            f"a battery of {battery_mah:g} mAh at that voltage, used up whole; no loss of a "
            "regulator, no LED, no USB",
        ),
    )
