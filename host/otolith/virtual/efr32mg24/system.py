"""Small peripherals: EMU (reset causes), MSC (flash), SMU (security), GPIO."""

from __future__ import annotations

from typing import ClassVar

from otolith.virtual.efr32mg24.block import Block

_CAUSES = {"power-on": 1 << 0, "pin": 1 << 1, "watchdog": 1 << 3, "software": 1 << 6}
DISABLED, INPUT, PUSH_PULL = 0, 1, 4


class Emu(Block):
    """EMU. Reset causes accumulate until software clears them."""

    REGISTERS: ClassVar = {0x70: "CMD", 0x94: "RSTCAUSE"}
    READ_ONLY = ("RSTCAUSE",)

    def reset(self, cause: str) -> None:
        before = self.values.get("RSTCAUSE", 0) if cause != "power-on" else 0
        super().reset(cause)
        self.values["RSTCAUSE"] = before | _CAUSES[cause]

    def write_CMD(self, value: int) -> None:
        if value & 1 << 17:
            self.values["RSTCAUSE"] = 0


class Msc(Block):
    """MSC: the flash's wait states, two after a reset."""

    CLOCK = ("CLKEN1", 16)
    REGISTERS: ClassVar = {0x4: "READCTRL", 0x3C: "LOCK"}
    RESET: ClassVar = {"READCTRL": 0x00200000}

    def write_READCTRL(self, value: int) -> None:
        if self.values["LOCK"] != 0x1B71:
            raise self.misuse("locked")
        self.values["READCTRL"] = value

    @property
    def wait_states(self) -> int:
        return self.values["READCTRL"] >> 20 & 3


class Smu(Block):
    """SMU. The drivers use the peripherals' secure addresses, so all must stay secure."""

    CLOCK = ("CLKEN1", 14)
    REGISTERS: ClassVar = {0x8: "LOCK", 0x60: "PPUSATD0", 0x64: "PPUSATD1", 0x170: "BMPUSATD0"}
    RESET: ClassVar = {"PPUSATD0": 0xFFFFFFFF, "PPUSATD1": 0x3FFFFF, "BMPUSATD0": 0x3F}


def _gpio_registers() -> dict[int, str]:
    registers: dict[int, str] = {}
    for number, port in enumerate("ABCD"):
        at = 0x30 + 0x30 * number
        registers |= {at + 4: f"{port}_MODEL", at + 12: f"{port}_MODEH", at + 16: f"{port}_DOUT"}
    registers |= {0x320: "ABUSALLOC", 0x324: "BBUSALLOC", 0x328: "CDBUSALLOC"}
    for unit, at, names in (
        ("EUSART0", 0x494, ("EN", "CS", "CTS", "RTS", "RX", "SCLK", "TX")),
        ("TIMER0", 0x680, ("EN", "CC0")),
        ("USART0", 0x720, ("EN", "CS", "CTS", "RTS", "RX", "CLK", "TX")),
    ):
        registers |= {at + 4 * i: f"{unit}_{name}" for i, name in enumerate(names)}
    return registers


class Gpio(Block):
    """GPIO: pin modes, outputs, and routes of peripherals to pins."""

    CLOCK = ("CLKEN0", 26)
    REGISTERS: ClassVar = _gpio_registers()

    def mode(self, pin: str) -> int:
        """Mode of a pin, such as "PA5"."""
        number = int(pin[2:])
        modes = self.values[f"{pin[1]}_MODE{'L' if number < 8 else 'H'}"]
        return modes >> 4 * (number % 8) & 15

    def high(self, pin: str) -> bool:
        """Whether the chip drives a pin high."""
        out = self.values[f"{pin[1]}_DOUT"] >> int(pin[2:]) & 1
        return self.mode(pin) == PUSH_PULL and bool(out)

    def joined(self, unit: str, signal: str, bit: int, pin: str) -> bool:
        """Whether a peripheral's signal is routed to a pin; `bit` enables the route."""
        route = ("ABCD".index(pin[1])) | int(pin[2:]) << 16
        on = self.values[f"{unit}_EN"] >> bit & 1
        return bool(on) and self.values[f"{unit}_{signal}"] == route
