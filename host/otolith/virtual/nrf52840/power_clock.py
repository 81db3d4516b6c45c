"""POWER and CLOCK (5.3, 5.4), one peripheral, with the supply of USB."""

from __future__ import annotations

from otolith.virtual.nrf52840.nordic import NordicPeripheral

_HFCLKSTART, _HFCLKSTOP, _LFCLKSTART = 0x000, 0x004, 0x008
_HFCLKSTARTED, _LFCLKSTARTED = 0x100, 0x104
_USBDETECTED, _USBREMOVED, _USBPWRRDY = 0x11C, 0x120, 0x124
_RESETREAS, _HFCLKSTAT, _LFCLKSTAT, _USBREGSTATUS = 0x400, 0x40C, 0x418, 0x438
_LFCLKSRC, _GPREGRET = 0x518, 0x51C
_STARTING_NS = 360e3  # the 32 MHz crystal
_SUPPLY_NS = 500e3
_RUNNING, _CRYSTAL = 1 << 16, 1
_REASONS = {"reset pin": 1 << 0, "watchdog": 1 << 1, "software": 1 << 2, "lockup": 1 << 3}


class PowerClock(NordicPeripheral):
    name, irq = "POWER/CLOCK", 0
    tasks = (_HFCLKSTART, _HFCLKSTOP, _LFCLKSTART)
    events = (_HFCLKSTARTED, _LFCLKSTARTED, _USBDETECTED, _USBREMOVED, _USBPWRRDY)
    plain = {_LFCLKSRC: 0}  # noqa: RUF012

    def __init__(self, base: int) -> None:
        self.retained = 0  # GPREGRET: keeps its value over a reset
        self.reasons = 0
        self.vbus = self.supplied = False
        super().__init__(base)

    def clear(self) -> None:
        super().clear()
        self.crystal = False  # of the fast clock
        self.slow = False

    def reset(self, cause: str) -> None:
        super().reset(cause)
        if cause == "power-on":
            self.reasons = self.retained = 0
        self.reasons |= _REASONS.get(cause, 0)

    def task(self, offset: int) -> None:
        if offset == _HFCLKSTART:
            self.core.after_ns(_STARTING_NS, self._crystal_runs)
        elif offset == _HFCLKSTOP:
            self.crystal = False
        else:
            self.slow = True
            self.event(_LFCLKSTARTED)

    def _crystal_runs(self) -> None:
        self.crystal = True
        self.event(_HFCLKSTARTED)

    def plug(self, on: bool) -> None:
        """Plug the USB cable in, or remove it."""
        self.vbus = on
        if on:
            self.event(_USBDETECTED)
            self.core.after_ns(_SUPPLY_NS, self._supply_is_there)
        else:
            self.supplied = False
            self.event(_USBREMOVED)

    def _supply_is_there(self) -> None:
        if self.vbus:
            self.supplied = True
            self.event(_USBPWRRDY)

    def read_other(self, offset: int) -> int:
        values = {
            _RESETREAS: self.reasons,
            _HFCLKSTAT: _RUNNING | (_CRYSTAL if self.crystal else 0),
            _LFCLKSTAT: _RUNNING if self.slow else 0,
            _USBREGSTATUS: self.vbus | self.supplied << 1,
            _GPREGRET: self.retained,
        }
        return values[offset] if offset in values else super().read_other(offset)

    def write_other(self, offset: int, value: int) -> None:
        if offset == _RESETREAS:
            self.reasons &= ~value
        elif offset == _GPREGRET:
            self.retained = value & 0xFF
        else:
            super().write_other(offset, value)
