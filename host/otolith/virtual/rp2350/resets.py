"""RESETS (RP2350 datasheet, 7.5): holds blocks in reset, and says which are out of it."""

from __future__ import annotations

from otolith.virtual.rp2350.block import Block

_RESET, _WDSEL, _DONE = 0x0, 0x4, 0x8
ALL = 0x1FFFFFFF
(ADC, BUSCTRL, DMA, HSTX, I2C0, I2C1, IO_BANK0, IO_QSPI, JTAG, PADS_BANK0, PADS_QSPI, PIO0, PIO1,
 PIO2, PLL_SYS, PLL_USB, PWM, SHA256, SPI0, SPI1, SYSCFG, SYSINFO, TBMAN, TIMER0, TIMER1, TRNG,
 UART0, UART1, USBCTRL) = range(29)  # fmt: skip


class Resets(Block):
    """blocks: number of a bit -> the block that it holds."""

    name = "RESETS"
    plain = {_RESET: ALL, _WDSEL: 0}  # noqa: RUF012

    def __init__(self, blocks: dict[int, list[Block]]) -> None:
        self.blocks = blocks
        super().__init__()

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._apply()

    def _apply(self) -> None:
        for bit, blocks in self.blocks.items():
            for block in blocks:
                block.hold(bool(self.registers[_RESET] >> bit & 1))

    def load(self, offset: int) -> int:
        if offset == _DONE:
            return ALL & ~self.registers[_RESET]
        return super().load(offset)

    def store(self, offset: int, value: int) -> None:
        super().store(offset, value & ALL)
        self._apply()
