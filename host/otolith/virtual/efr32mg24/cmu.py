"""CMU, the Clock Management Unit: which peripheral has which clock."""

from __future__ import annotations

from typing import ClassVar

from otolith.virtual.efr32mg24.block import Block

FSRCO_HZ = 20_000_000
_UNLOCK = 0x93F7
_SOURCES = {1: "FSRCO", 2: "HFRCODPLL", 3: "HFXO"}
MOST_HCLK, MOST_PCLK, MOST_RADIO = 78_000_000, 50_000_000, 40_000_000
MOST_WITHOUT_WAIT = 40_000_000  # of the flash


class Cmu(Block):
    """Sets the core's clock and refuses clocks that are too fast for the chip."""

    REGISTERS: ClassVar = {
        0x14: "WDOGLOCK",
        0x64: "CLKEN0",
        0x68: "CLKEN1",
        0x70: "SYSCLKCTRL",
        0x100: "DPLLREFCLKCTRL",
        0x120: "EM01GRPACLKCTRL",
        0x128: "EM01GRPCCLKCTRL",
        0x180: "IADCCLKCTRL",
        0x200: "WDOG0CLKCTRL",
        0x220: "EUSART0CLKCTRL",
    }
    RESET: ClassVar = {"SYSCLKCTRL": 1, "IADCCLKCTRL": 1}

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self.core.clock_hz = FSRCO_HZ

    def write_WDOG0CLKCTRL(self, value: int) -> None:
        if self.values["WDOGLOCK"] != _UNLOCK:
            raise self.misuse("the watchdog's clock is locked")
        self.values["WDOG0CLKCTRL"] = value

    def gives(self, register: str, bit: int) -> bool:
        """Whether a clock enable bit is set."""
        return bool(self.values[register] >> bit & 1)

    def _source_hz(self, source: str) -> float:
        if source == "FSRCO":
            return FSRCO_HZ
        return self.chip.dpll.output_hz() if source == "HFRCODPLL" else self.chip.hfxo.output_hz()

    @property
    def hclk(self) -> float:
        control = self.values["SYSCLKCTRL"]
        return self._source_hz(_SOURCES[control & 7]) / ((control >> 12 & 15) + 1)

    @property
    def pclk(self) -> float:
        return self.hclk / ((self.values["SYSCLKCTRL"] >> 10 & 1) + 1)

    @property
    def group_a(self) -> float:
        """Clock of the timers (group A), Hz."""
        return self._source_hz({1: "HFRCODPLL", 2: "HFXO"}[self.values["EM01GRPACLKCTRL"] & 7])

    @property
    def iadc(self) -> float:
        """Clock of the IADC, which may be that of group A, Hz."""
        if self.values["IADCCLKCTRL"] & 3 != 1:
            raise self.misuse("the IADC's clock is not modelled")
        return self.group_a

    @property
    def eusart0(self) -> float:
        """Clock of EUSART 0 (group C), Hz."""
        if self.values["EUSART0CLKCTRL"] & 7 != 1:
            raise self.misuse("EUSART0 has no clock")
        return self._source_hz({1: "HFRCODPLL", 2: "HFXO"}[self.values["EM01GRPCCLKCTRL"] & 7])

    def write_SYSCLKCTRL(self, value: int) -> None:
        if value & 7 not in _SOURCES:
            raise self.misuse(f"no clock is {value & 7}")
        self.values["SYSCLKCTRL"] = value
        hclk = self.hclk
        radio = hclk / ((value >> 16 & 1) + 1)
        for hz, most in ((hclk, MOST_HCLK), (self.pclk, MOST_PCLK), (radio, MOST_RADIO)):
            if hz > most:
                raise self.misuse(f"{hz / 1e6:.3f} MHz are more than {most / 1e6} MHz")
        if hclk > MOST_WITHOUT_WAIT and self.chip.msc.wait_states < 1:
            raise self.misuse("too fast for flash without wait states")
        self.core.clock_hz = round(hclk)
