"""The base class of the chip's peripherals."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from otolith.errors import UserError
from otolith.virtual.cortex import Peripheral

if TYPE_CHECKING:
    from otolith.virtual.efr32mg24.chip import VirtualEfr32mg24

SIZE = 0x4000
_SET, _CLEAR, _TOGGLE = 0x1000, 0x2000, 0x3000


class MisuseError(UserError):
    """The image did something to a peripheral that the manual forbids, or that is not modelled."""


class Block(Peripheral):
    """A peripheral whose registers have names, and aliases that set, clear and toggle bits.

    REGISTERS: offset -> name. A subclass defines read_NAME() and write_NAME(value) for registers
        that do something. Others keep what is written.
    RESET: values after a reset, 0 if not named.
    CLOCK: (register, bit) of the CMU that clocks the peripheral. An access without clock is a bus
        fault on the chip and a MisuseError here.
    LOCKED: registers that must not be written while EN is 1.
    READ_ONLY: registers that must not be written at all.
    """

    CLOCK: tuple[str, int] | None = None
    REGISTERS: ClassVar[dict[int, str]] = {}
    RESET: ClassVar[dict[str, int]] = {}
    LOCKED: tuple[str, ...] = ()
    READ_ONLY: tuple[str, ...] = ()

    def __init__(self, chip: VirtualEfr32mg24) -> None:
        self.chip = chip
        self.values: dict[str, int] = {}

    def reset(self, cause: str) -> None:
        self.values = {name: self.RESET.get(name, 0) for name in self.REGISTERS.values()}

    @property
    def name(self) -> str:
        return type(self).__name__.upper()

    def misuse(self, text: str) -> MisuseError:
        return MisuseError(f"{self.name}: {text} at {self.core.pc:#x}")

    def _register(self, offset: int) -> str:
        if self.CLOCK and not self.chip.cmu.gives(*self.CLOCK):
            raise self.misuse("access without a clock")
        name = self.REGISTERS.get(offset & 0xFFF)
        if name is None:
            raise self.misuse(f"no register at {offset:#x}")
        return name

    def read32(self, offset: int) -> int:
        name = self._register(offset)
        if offset >= _SET:
            raise self.misuse(f"{name} read where it is set or cleared")
        read = getattr(self, f"read_{name}", None)
        return read() if read else self.values[name]

    def write32(self, offset: int, value: int) -> None:
        name = self._register(offset)
        before = self.values[name]
        alias = offset & ~0xFFF
        value = {_SET: before | value, _CLEAR: before & ~value, _TOGGLE: before ^ value}.get(
            alias, value
        )
        if name in self.READ_ONLY:
            raise self.misuse(f"{name} is to be read only")
        if name in self.LOCKED and self.values["EN"] & 1:
            raise self.misuse(f"{name} written while enabled")
        write = getattr(self, f"write_{name}", None)
        if write:
            write(value & 0xFFFFFFFF)
        else:
            self.values[name] = value & 0xFFFFFFFF
