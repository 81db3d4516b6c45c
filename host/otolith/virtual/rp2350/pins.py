"""IO_BANK0 and PADS_BANK0 (RP2350 datasheet, 9.11): which block a pin belongs to, and its pad."""

from __future__ import annotations

from otolith.virtual.rp2350.block import Plain

PWM, PIO0 = 4, 6  # functions
PINS = 48
_FUNCTION, _NONE = 0x1F, 0x1F
_ISOLATED, _OUTPUT_OFF, _INPUT_ON = 1 << 8, 1 << 7, 1 << 6
_PULLS = 3 << 2
_PAD_RESET = 0x116


class Pins:
    """The two blocks, and what they mean for a pin."""

    def __init__(self) -> None:
        controls = {8 * pin + 4: _NONE for pin in range(PINS)}
        self.io = Plain("IO_BANK0", controls)
        self.pads = Plain("PADS_BANK0", {4 * pin + 4: _PAD_RESET for pin in range(PINS)})

    def function(self, pin: int) -> int:
        return self.io.registers[8 * pin + 4] & _FUNCTION

    def drives(self, pin: int, function: int) -> bool:
        """Whether block `function` can drive the pin."""
        pad = self.pads.registers[4 * pin + 4]
        return self.function(pin) == function and not pad & (_ISOLATED | _OUTPUT_OFF)

    def pulled(self, pin: int) -> bool:
        """Whether the pad pulls the pin up or down."""
        return bool(self.pads.registers[4 * pin + 4] & _PULLS)

    def hears(self, pin: int) -> bool:
        """Whether the chip can read the pin."""
        pad = self.pads.registers[4 * pin + 4]
        return bool(pad & _INPUT_ON) and not pad & _ISOLATED
