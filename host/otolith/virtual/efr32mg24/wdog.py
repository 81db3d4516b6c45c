"""WDOG 0, on the 32 kHz RC oscillator."""

from __future__ import annotations

from typing import ClassVar

from otolith.virtual.cortex import Event
from otolith.virtual.efr32mg24.block import Block

LFRCO_HZ = 32768
_SYNC_CYCLES = 3
_EM1RUN = 1 << 1


class Wdog(Block):
    """Resets the chip when it has not been fed. A feed takes three slow cycles to arrive."""

    CLOCK = ("CLKEN0", 13)
    REGISTERS: ClassVar = {0x4: "EN", 0x8: "CFG", 0xC: "CMD", 0x24: "SYNCBUSY"}
    RESET: ClassVar = {"CFG": 0x000F0000}
    LOCKED = ("CFG",)
    READ_ONLY = ("SYNCBUSY",)
    _bite: Event | None = None

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._busy_until = 0.0
        self.feeds = 0
        if self._bite:
            self._bite.cancel()
        self._bite = None

    def _cycles_ns(self, cycles: float) -> float:
        if self.chip.cmu.values["WDOG0CLKCTRL"] != 1 or not self.chip.cmu.gives("CLKEN0", 22):
            raise self.misuse("has no clock")
        return cycles / LFRCO_HZ * 1e9

    @property
    def timeout_ns(self) -> float:
        return self._cycles_ns((1 << 3 + (self.values["CFG"] >> 16 & 15)) + 1)

    def _arm(self) -> None:
        if self._bite:
            self._bite.cancel()
        self._bite = None
        if self.values["EN"] & 1:
            if not self.values["CFG"] & _EM1RUN:
                raise self.misuse("stands still while the core sleeps")
            self._bite = self.core.after_ns(
                self.timeout_ns, lambda: self.core.request_reset("watchdog")
            )

    def write_EN(self, value: int) -> None:
        self.values["EN"] = value & 1
        self._arm()

    def read_SYNCBUSY(self) -> int:
        return int(self.core.now_ns < self._busy_until)

    def write_CMD(self, value: int) -> None:
        if not self.values["EN"] & 1 or self.read_SYNCBUSY():
            raise self.misuse("fed while disabled or while the last feed is on its way")
        if value & 1:
            self.feeds += 1
            self._busy_until = self.core.now_ns + self._cycles_ns(_SYNC_CYCLES)
            self._arm()
