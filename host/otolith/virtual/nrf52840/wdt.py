"""WDT (6.36), at 32.768 kHz. Starting it locks its settings; unless fed, it resets the chip."""

from __future__ import annotations

from otolith.virtual.cortex import Event
from otolith.virtual.nrf52840.nordic import NordicPeripheral

_START, _TIMEOUT, _RUNSTATUS, _CRV, _RREN, _CONFIG, _RR = (
    0x000,
    0x100,
    0x400,
    0x504,
    0x508,
    0x50C,
    0x600,
)
_HZ = 32768
_RELOAD = 0x6E524635
_RUN_IN_SLEEP = 1


class Watchdog(NordicPeripheral):
    name, irq = "WDT", 16
    tasks, events = (_START,), (_TIMEOUT,)
    plain = {_CRV: 0xFFFFFFFF, _RREN: 1, _CONFIG: 1}  # noqa: RUF012
    _alarm: Event | None = None

    def clear(self) -> None:
        super().clear()
        self.running = False
        self.fed = 0
        if self._alarm is not None:
            self._alarm.cancel()

    @property
    def timeout_ms(self) -> float:
        return (self.registers[_CRV] + 1) * 1000 / _HZ

    def task(self, offset: int) -> None:
        if not self.registers[_CONFIG] & _RUN_IN_SLEEP:
            self.fault("stands still in sleep")
        self.running = True
        self._load()

    def _load(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self.core.after_ns(
            self.timeout_ms * 1e6, lambda: self.core.request_reset("watchdog")
        )

    def read_other(self, offset: int) -> int:
        return int(self.running) if offset == _RUNSTATUS else super().read_other(offset)

    def write32(self, offset: int, value: int) -> None:
        if self.running and offset in self.plain:
            return  # locked
        super().write32(offset, value)

    def write_other(self, offset: int, value: int) -> None:
        if offset != _RR:
            super().write_other(offset, value)
        elif value == _RELOAD and self.running:
            self.fed += 1
            self._load()
