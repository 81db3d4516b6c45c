"""PWM (RP2350 datasheet, 12.5) as an LED needs it: the share of the time that a pin is high."""

from __future__ import annotations

from collections.abc import Callable

from otolith.virtual.rp2350 import pins as pin_functions
from otolith.virtual.rp2350.block import Block
from otolith.virtual.rp2350.pins import Pins

_STEP, _CSR, _DIV, _CTR, _CC, _TOP = 0x14, 0x0, 0x4, 0x8, 0xC, 0x10
_ENABLED, _A_INVERTED = 1, 1 << 2  # B's bit is the next one


class Pwm(Block):
    """changed(share) is called at every write that may change the watched pin's share, 0..1."""

    name = "PWM"
    plain = {  # noqa: RUF012
        slice * _STEP + register: value
        for slice in range(12)
        for register, value in ((_CSR, 0), (_DIV, 0x10), (_CTR, 0), (_CC, 0), (_TOP, 0xFFFF))
    }

    def __init__(self, pins: Pins, pin: int, changed: Callable[[float], None]) -> None:
        """pin: the watched one, 0 to 31."""
        self._pins, self._pin, self._changed = pins, pin, changed
        self._base = (pin >> 1 & 7) * _STEP
        super().__init__()

    @property
    def share(self) -> float:
        """The share of the time that the pin is high, 0..1."""
        enabled = self.registers[self._base + _CSR] & _ENABLED
        if not enabled or not self._pins.drives(self._pin, pin_functions.PWM):
            return 0.0
        channel = self._pin & 1
        compare = self.registers[self._base + _CC] >> 16 * channel & 0xFFFF
        share = min(1.0, compare / (self.registers[self._base + _TOP] + 1))
        inverted = self.registers[self._base + _CSR] & _A_INVERTED << channel
        return 1 - share if inverted else share

    def store(self, offset: int, value: int) -> None:
        super().store(offset, value)
        if self._base <= offset < self._base + _STEP and offset % _STEP != _CTR:
            self._changed(self.share)
