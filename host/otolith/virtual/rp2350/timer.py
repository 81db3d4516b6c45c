"""TIMER (RP2350 datasheet, 12.8): counts ticks in 64 bits. Its alarms are not modelled."""

from __future__ import annotations

from otolith.virtual.rp2350.block import Block
from otolith.virtual.rp2350.ticks import Ticks

_TIMEHR, _TIMELR, _RAWH, _RAWL, _DBGPAUSE, _INTE = 0x08, 0x0C, 0x24, 0x28, 0x2C, 0x40


class Timer(Block):
    plain = {_DBGPAUSE: 7, _INTE: 0}  # noqa: RUF012

    def __init__(self, number: int, tick: int, ticks: Ticks) -> None:
        self.name, self._tick, self._ticks = f"TIMER{number}", tick, ticks
        ticks.listeners.append(self)
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self._counted = 0.0  # until _since
        self._since = 0.0
        self._hz = 0.0
        self._high = 0

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._since = self.core.now_ns

    def hold(self, held: bool) -> None:
        super().hold(held)
        self._since = self.core.now_ns

    def changed(self) -> None:
        """The tick's rate has changed."""
        self._counted, self._since = self._now(), self.core.now_ns
        self._hz = self._ticks.hz(self._tick)

    def _now(self) -> float:
        return self._counted + (self.core.now_ns - self._since) * self._hz / 1e9

    @property
    def value(self) -> int:
        return int(self._now() + 1e-6)

    def load(self, offset: int) -> int:
        if offset == _RAWL:
            return self.value & 0xFFFFFFFF
        if offset == _RAWH:
            return self.value >> 32
        if offset == _TIMELR:  # latches the other half
            value = self.value
            self._high = value >> 32
            return value & 0xFFFFFFFF
        return self._high if offset == _TIMEHR else super().load(offset)
