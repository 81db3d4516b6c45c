"""PWM (6.17) as an LED needs it: one channel, one value a sequence."""

from __future__ import annotations

from otolith.virtual.nrf52840.gpio import Gpio
from otolith.virtual.nrf52840.nordic import NordicPeripheral, several, zeros

_SEQSTART, _ENABLE, _MODE, _COUNTERTOP, _PRESCALER = 0x008, 0x500, 0x504, 0x508, 0x50C
_DECODER, _LOOP, _SEQ, _OUT = 0x510, 0x514, 0x520, 0x560
_HIGH_FIRST = 0x8000


class Pwm(NordicPeripheral):
    """trace: (ns, share of the time that the pin is high) at every start of a sequence."""

    name = "PWM"
    tasks = several(_SEQSTART, 2)
    plain = zeros(
        (_ENABLE, _MODE, _PRESCALER, _DECODER, _LOOP), several(_SEQ, 4), several(_SEQ + 0x20, 4)
    ) | {_COUNTERTOP: 0x3FF, **dict.fromkeys(several(_OUT, 4), 0xFFFFFFFF)}

    def __init__(self, base: int, gpio: Gpio) -> None:
        self._gpio = gpio
        self.trace: list[tuple[float, float]] = []
        super().__init__(base)

    def task(self, offset: int) -> None:
        pin = self.registers[_OUT]
        if offset != _SEQSTART or not self.registers[_ENABLE] or self.registers[_SEQ + 4] != 1:
            self.fault("a sequence that is not modelled")
        if not self._gpio.is_output(pin):
            self.fault("its pin is no output")
        value = int.from_bytes(self.core.read(self.registers[_SEQ], 2), "little")
        top = self.registers[_COUNTERTOP]
        share = min(value & 0x7FFF, top) / top
        self.trace.append((self.core.now_ns, share if value & _HIGH_FIRST else 1 - share))
