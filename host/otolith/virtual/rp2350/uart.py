"""UART (RP2350 datasheet, 12.1), which only a fault uses: what is sent is out at once."""

from __future__ import annotations

from otolith.virtual.rp2350.block import Block
from otolith.virtual.rp2350.clocks import Clocks

_DR, _FR, _IBRD, _FBRD, _LCR, _CR, _DMACR = 0x00, 0x18, 0x24, 0x28, 0x2C, 0x30, 0x48
_EMPTY = 1 << 7 | 1 << 4  # nothing to send, nothing received
_ON = 1 | 1 << 8


class Uart(Block):
    """sent: bytes since power-on. sent_at: bits a second of the last one."""

    plain = {_IBRD: 0, _FBRD: 0, _LCR: 0, _CR: 0x300, _DMACR: 0, 0x34: 0x12, 0x38: 0}  # noqa: RUF012

    def __init__(self, name: str, clocks: Clocks) -> None:
        self.name, self._clocks = name, clocks
        self.sent = bytearray()
        self.sent_at = 0.0
        super().__init__()

    @property
    def baud(self) -> float:
        divider = self.registers[_IBRD] + self.registers[_FBRD] / 64
        return self._clocks.peri_hz / 16 / divider if divider else 0

    def load(self, offset: int) -> int:
        return _EMPTY if offset == _FR else super().load(offset)

    def store(self, offset: int, value: int) -> None:
        if offset != _DR:
            super().store(offset, value)
            return
        if self.registers[_CR] & _ON != _ON or not self.baud:
            self.fault("written while off")
        self.sent.append(value & 0xFF)
        self.sent_at = self.baud
