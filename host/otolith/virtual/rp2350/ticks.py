"""TICKS (RP2350 datasheet, 8.5): divide clk_ref to microseconds for timers and watchdog."""

from __future__ import annotations

from otolith.virtual.rp2350.block import Block
from otolith.virtual.rp2350.clocks import Clocks

PROC0, PROC1, TIMER0, TIMER1, WATCHDOG, RISCV = range(6)
_STEP, _CTRL, _CYCLES, _COUNT = 0xC, 0x0, 0x4, 0x8
_ENABLE, _RUNNING = 1, 2


class Ticks(Block):
    name = "TICKS"
    plain = {  # noqa: RUF012
        **{n * _STEP + _CTRL: 0 for n in range(6)},
        **{n * _STEP + _CYCLES: 0 for n in range(6)},
    }

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self.listeners: list[Block] = []  # their changed() is called when a rate changes
        super().__init__()

    def hz(self, number: int) -> float:
        """Ticks a second; 0 while stopped."""
        if not self.registers[number * _STEP + _CTRL] & _ENABLE:
            return 0
        return self._clocks.ref_hz / (self.registers[number * _STEP + _CYCLES] or 512)

    def load(self, offset: int) -> int:
        if offset % _STEP == _CTRL and offset in self.registers:
            return self.registers[offset] * (_ENABLE | _RUNNING)
        return super().load(offset)

    def store(self, offset: int, value: int) -> None:
        super().store(offset, value & (_ENABLE if offset % _STEP == _CTRL else 0x1FF))
        for listener in self.listeners:
            listener.changed()  # type: ignore[attr-defined]
