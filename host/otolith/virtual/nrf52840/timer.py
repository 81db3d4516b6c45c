"""TIMER (6.30): counts 16 MHz / 2^prescaler, or triggers of TASKS_COUNT; captures and compares."""

from __future__ import annotations

from otolith.virtual.cortex import Event
from otolith.virtual.nrf52840.nordic import NordicPeripheral, several, zeros

_START, _STOP, _COUNT, _CLEAR, _CAPTURE = 0x000, 0x004, 0x008, 0x00C, 0x040
_COMPARE, _MODE, _BITMODE, _PRESCALER, _CC = 0x140, 0x504, 0x508, 0x510, 0x540
_NS = 62.5  # of 16 MHz
_COUNTER = (1, 2)  # modes
_MASK = 0xFFFFFFFF  # 32 bits is what drivers here use


class Timer(NordicPeripheral):
    channels = 4
    tasks = (_START, _STOP, _COUNT, _CLEAR, *several(_CAPTURE, 6))
    events = several(_COMPARE, 6)
    plain = zeros((_MODE, _BITMODE), several(_CC, 6)) | {_PRESCALER: 4}

    def __init__(self, base: int, irq: int, ppi) -> None:
        self.irq, self.name = irq, f"TIMER at {base:#x}"
        self._alarms: dict[int, Event] = {}
        super().__init__(base, ppi)

    def clear(self) -> None:
        super().clear()
        self._running = False
        self._held = 0
        self._since = 0.0
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms = {}

    @property
    def _tick_ns(self) -> float:
        return _NS * (1 << self.registers[_PRESCALER])

    @property
    def _counts_events(self) -> bool:
        return self.registers[_MODE] in _COUNTER

    @property
    def value(self) -> int:
        if self._running and not self._counts_events:
            passed = int((self.core.now_ns - self._since) / self._tick_ns + 1e-6)
            return self._held + passed & _MASK
        return self._held

    def task(self, offset: int) -> None:
        if offset == _START:
            if self.registers[_BITMODE] != 3:
                self.fault("started with fewer than 32 bits, which is not modelled")
            self._running, self._since = True, self.core.now_ns
        elif offset == _STOP:
            self._held, self._running = self.value, False
        elif offset == _CLEAR:
            self._held, self._since = 0, self.core.now_ns
        elif offset == _COUNT:
            if self._running and self._counts_events:
                self._held = self._held + 1 & _MASK
        else:
            self.registers[_CC + offset - _CAPTURE] = self.value
        if offset in (_START, _STOP, _CLEAR):
            for channel in range(6):
                self._set_alarm(channel)

    def write32(self, offset: int, value: int) -> None:
        super().write32(offset, value)
        if _CC <= offset < _CC + 24:
            self._set_alarm((offset - _CC) // 4)

    def _set_alarm(self, channel: int) -> None:
        if channel in self._alarms:
            self._alarms.pop(channel).cancel()
        if self._running and not self._counts_events and self.registers[_CC + 4 * channel]:
            ticks = (self.registers[_CC + 4 * channel] - self.value - 1 & _MASK) + 1
            self._alarms[channel] = self.core.after_ns(
                ticks * self._tick_ns, lambda: self._compared(channel)
            )

    def _compared(self, channel: int) -> None:
        del self._alarms[channel]
        self.event(_COMPARE + 4 * channel)
        self._set_alarm(channel)
