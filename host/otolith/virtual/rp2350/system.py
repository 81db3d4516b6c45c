"""SYSINFO, TBMAN, BOOTRAM and SIO, as start-up uses them (RP2350 datasheet, 12.15, 4.3 and 3.1)."""

from __future__ import annotations

from otolith.virtual.cortex import Peripheral
from otolith.virtual.rp2350.block import Block

_CHIP_ID = 0x20004927  # RP2350 A2
_ASIC = 1


class Sysinfo(Block):
    name = "SYSINFO"
    plain = {0x0: _CHIP_ID}  # noqa: RUF012


class Tbman(Block):
    name = "TBMAN"
    plain = {0x0: _ASIC}  # noqa: RUF012


class Bootram(Block):
    """Its locks: reading claims one and says whether it was free, writing releases it."""

    name = "BOOTRAM"
    _LOCKS = range(0x80C, 0x80C + 32, 4)
    _STATUS = 0x808

    def clear(self) -> None:
        super().clear()
        self.claimed: set[int] = set()

    def load(self, offset: int) -> int:
        if offset == self._STATUS:
            return 0xFF & ~sum(1 << number for number in self.claimed)
        if offset not in self._LOCKS:
            return super().load(offset)
        number = self._LOCKS.index(offset)
        free = number not in self.claimed
        self.claimed.add(number)
        return int(free) << number

    def store(self, offset: int, value: int) -> None:
        if offset == self._STATUS:
            self.claimed = {number for number in range(8) if not value >> number & 1}
        elif offset in self._LOCKS:
            self.claimed.discard(self._LOCKS.index(offset))
        else:
            super().store(offset, value)


class Sio(Peripheral):
    """Core 0's view: its number, and outputs, which no pin follows: no image drives pins by SIO."""

    _CPUID, _LOCKS = 0x000, range(0x100, 0x180, 4)
    _OUT, _OE = range(0x010, 0x030, 4), range(0x030, 0x050, 4)

    def reset(self, cause: str) -> None:
        self.locks: set[int] = set()

    def read32(self, offset: int) -> int:
        if offset == self._CPUID:
            return 0
        if offset in self._LOCKS:
            free = offset not in self.locks
            self.locks.add(offset)
            return int(free) << self._LOCKS.index(offset)
        return super().read32(offset)

    def write32(self, offset: int, value: int) -> None:
        if offset in self._LOCKS:
            self.locks.discard(offset)
        elif offset not in (*self._OUT, *self._OE):
            super().write32(offset, value)
