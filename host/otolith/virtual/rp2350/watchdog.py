"""WATCHDOG (RP2350 datasheet, 12.9): resets the chip; its scratch registers survive that."""

from __future__ import annotations

from otolith.virtual.cortex import Event
from otolith.virtual.rp2350.block import Block
from otolith.virtual.rp2350.ticks import WATCHDOG, Ticks

_CTRL, _LOAD, _REASON, _SCRATCH = 0x0, 0x4, 0x8, 0xC
_TRIGGER, _ENABLE, _TIME = 1 << 31, 1 << 30, 0xFFFFFF
_TIMER, _FORCED = 1, 2
_PLACES = range(_SCRATCH, _SCRATCH + 32, 4)


class Watchdog(Block):
    """fed: how often it was fed since power-on."""

    name = "WATCHDOG"
    plain = {_CTRL: 0x07000000, _LOAD: 0}  # noqa: RUF012

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self._reason = 0
        self.scratch = dict.fromkeys(_PLACES, 0)
        self.fed = 0
        self._alarm: Event | None = None
        super().__init__()

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._stop()
        if cause == "power-on":
            self._reason = 0
            self.scratch = dict.fromkeys(_PLACES, 0)
        self._due = 0.0

    def _stop(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None

    def _start(self) -> None:
        self._stop()
        hz = self._ticks.hz(WATCHDOG)
        if not hz:
            self.fault("started without its tick")
            return
        ns = self.registers[_LOAD] / hz * 1e9
        self._due = self.core.now_ns + ns
        self._alarm = self.core.after_ns(ns, lambda: self._fire(_TIMER, "watchdog"))

    def _fire(self, reason: int, cause: str) -> None:
        self._reason = reason
        self.core.request_reset(cause)

    def reboot(self, delay_ms: float) -> None:
        """Reset after `delay_ms`, as the boot ROM's reboot() has it done."""
        self._stop()
        self._alarm = self.core.after_ns(delay_ms * 1e6, lambda: self._fire(_TIMER, "software"))

    def load(self, offset: int) -> int:
        if offset == _REASON:
            return self._reason
        if offset in self.scratch:
            return self.scratch[offset]
        if offset == _CTRL:
            left = 0.0 if self._alarm is None else (self._due - self.core.now_ns) / 1e3
            return self.registers[_CTRL] & ~_TIME | int(max(0, left)) & _TIME
        return super().load(offset)

    def store(self, offset: int, value: int) -> None:
        if offset in self.scratch:
            self.scratch[offset] = value
            return
        on = bool(self.registers[_CTRL] & _ENABLE)
        super().store(offset, value & _TIME if offset == _LOAD else value & ~_TIME & ~_TRIGGER)
        if offset == _LOAD:
            if on:
                self.fed += 1
                self._start()
        elif value & _TRIGGER:
            self._fire(_FORCED, "software")
        elif not value & _ENABLE:
            self._stop()
        elif not on:
            self._start()
