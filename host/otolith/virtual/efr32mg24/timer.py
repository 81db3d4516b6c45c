"""TIMER 0 as a PWM: only its duty cycle is modelled."""

from __future__ import annotations

from typing import ClassVar

from otolith.virtual.efr32mg24.block import Block
from otolith.virtual.efr32mg24.system import PUSH_PULL


class Timer(Block):
    """The LED at `pin`. trace: (ns, light 0..1) at every write of the duty cycle."""

    CLOCK = ("CLKEN0", 4)
    REGISTERS: ClassVar = {
        0x4: "CFG",
        0x8: "CTRL",
        0xC: "CMD",
        0x1C: "TOP",
        0x30: "EN",
        0x60: "CC0_CFG",
        0x64: "CC0_CTRL",
        0x68: "CC0_OC",
        0x70: "CC0_OCB",
    }
    RESET: ClassVar = {"TOP": 0xFFFF}
    LOCKED = ("CFG", "CC0_CFG")

    def __init__(self, chip, pin: str, active_low: bool) -> None:
        super().__init__(chip)
        self.pin, self.active_low = pin, active_low
        self.trace: list[tuple[float, float]] = []

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._running = False

    def write_EN(self, value: int) -> None:
        self.values["EN"] = value & 1

    def write_CMD(self, value: int) -> None:
        if not self.values["EN"] & 1:
            raise self.misuse("CMD written while disabled")
        self._running = bool(value & 1)

    def write_CC0_OCB(self, value: int) -> None:
        if not self.values["EN"] & 1:
            raise self.misuse("OCB written while disabled")
        self.values["CC0_OCB"] = value
        self.trace.append((self.core.now_ns, self.light()))

    def period_ns(self) -> float:
        presc = (self.values["CFG"] >> 18 & 0x3FF) + 1
        return (self.values["TOP"] + 1) * presc / self.chip.cmu.group_a * 1e9

    def light(self) -> float:
        """Share of each period that the LED is on, 0..1."""
        gpio = self.chip.gpio
        if not (gpio.joined("TIMER0", "CC0", 0, self.pin) and gpio.mode(self.pin) == PUSH_PULL):
            return 0.0
        if not self._running or self.values["CC0_CFG"] != 3:
            return 0.0
        high = min(1.0, self.values["CC0_OCB"] / (self.values["TOP"] + 1))
        inverted = self.values["CC0_CTRL"] >> 2 & 1
        high = 1 - high if inverted else high
        return 1 - high if self.active_low else high
