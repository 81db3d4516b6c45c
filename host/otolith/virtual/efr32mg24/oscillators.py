"""HFXO, HFRCO and DPLL: crystal, tuned oscillator, and the loop that locks it to the crystal."""

from __future__ import annotations

from typing import ClassVar

from otolith.virtual.cortex import Event
from otolith.virtual.efr32mg24.block import Block

CRYSTAL_HZ = 39_000_000
_STARTUP_NS = 1.3e6
_FORCED, _ON_DEMAND_OFF = 1 << 16, 1 << 24
_RDY, _BIAS, _ENS = 1 << 0, 1 << 1, 1 << 16


class Hfxo(Block):
    """The crystal oscillator. It runs when forced, and is ready after its start-up time."""

    CLOCK = ("CLKEN0", 20)
    REGISTERS: ClassVar = {0x18: "XTALCTRL", 0x28: "CTRL", 0x58: "STATUS"}
    RESET: ClassVar = {"XTALCTRL": 0x033C3C3C, "CTRL": 0x07000040}
    READ_ONLY = ("STATUS",)
    _start: Event | None = None

    def reset(self, cause: str) -> None:
        super().reset(cause)
        if self._start:
            self._start.cancel()
        self._start = None

    def write_CTRL(self, value: int) -> None:
        was, self.values["CTRL"] = self.values["CTRL"], value
        if value & _FORCED and not was & _FORCED:
            self.values["STATUS"] = _ENS
            self._start = self.core.after_ns(_STARTUP_NS, self._ready)
        elif was & _FORCED and not value & _FORCED:
            self.values["STATUS"] = 0
            if self._start:
                self._start.cancel()

    def write_XTALCTRL(self, value: int) -> None:
        if self.values["STATUS"] & _ENS:
            raise self.misuse("capacitors changed while it runs")
        self.values["XTALCTRL"] = value

    def _ready(self) -> None:
        self.values["STATUS"] |= _RDY | _BIAS

    def output_hz(self) -> float:
        if not self.values["STATUS"] & _RDY:
            raise self.misuse("used before it is ready")
        return CRYSTAL_HZ


class Hfrco(Block):
    """The tuned oscillator. Only its band is modelled, as the limit of what the DPLL can reach.

    BANDS: register CAL without its TUNING bits -> lowest and highest frequency, Hz.
    """

    CLOCK = ("CLKEN0", 18)
    REGISTERS: ClassVar = {0x8: "CAL", 0xC: "STATUS"}
    RESET: ClassVar = {"CAL": 0xA8689F7F}
    READ_ONLY = ("STATUS",)
    BANDS: ClassVar = {0xCCF09F00: (72.6e6, 80e6)}

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._settled_ns = 0.0

    def read_STATUS(self) -> int:
        return 0 if self.core.now_ns >= self._settled_ns else 1 << 1

    def write_CAL(self, value: int) -> None:
        if self.read_STATUS():
            raise self.misuse("CAL written while it settles")
        self.values["CAL"] = value
        self._settled_ns = self.core.now_ns + 1000

    def reaches(self, hz: float) -> bool:
        low, high = self.BANDS.get(self.values["CAL"] & ~0x7F, (0, 0))
        return low <= hz <= high


class Dpll(Block):
    """The loop. It locks after 6 (M + 1) periods of the crystal.

    fail_locks: how many times it will fail to lock.
    """

    CLOCK = ("CLKEN0", 17)
    REGISTERS: ClassVar = {0x4: "EN", 0x8: "CFG", 0xC: "CFG1", 0x10: "IF"}
    LOCKED = ("CFG", "CFG1")
    fail_locks = 0

    def write_EN(self, value: int) -> None:
        was, self.values["EN"] = self.values["EN"], value & 1
        if value & 1 and not was & 1:
            if self.chip.cmu.values["DPLLREFCLKCTRL"] != 1:
                raise self.misuse("has no reference")
            reference = self.chip.hfxo.output_hz()
            if self.n <= 300:
                raise self.misuse(f"N = {self.n} is too small")
            self.core.after_ns(6 * (self.m + 1) / reference * 1e9, self._end)

    @property
    def n(self) -> int:
        return self.values["CFG1"] >> 16 & 0xFFF

    @property
    def m(self) -> int:
        return self.values["CFG1"] & 0xFFF

    def _target_hz(self) -> float:
        return CRYSTAL_HZ * (self.n + 1) / (self.m + 1)

    def _end(self) -> None:
        good = self.chip.hfrco.reaches(self._target_hz()) and not self.fail_locks
        self.fail_locks -= self.fail_locks > 0
        self.values["IF"] |= 1 if good else 2

    def output_hz(self) -> float:
        if not (self.values["EN"] & 1 and self.values["IF"] & 1):
            raise self.misuse("used before it has locked")
        return self._target_hz()
