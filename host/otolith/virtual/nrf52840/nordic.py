"""The base class of Nordic's peripherals: tasks, events, an interrupt, and PPI.

nRF52840 Product Specification 1.11, 6.1: tasks are at 0x000, events at 0x100, INTEN, INTENSET and
INTENCLR at 0x300. An event's bit in these is its position among the events.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from otolith.virtual.cortex import Peripheral

if TYPE_CHECKING:
    from otolith.virtual.nrf52840.ppi import Ppi

_INTEN, _INTENSET, _INTENCLR = 0x300, 0x304, 0x308


class NordicPeripheral(Peripheral):
    """A subclass names its registers and says what its tasks do.

    A register that is not named raises an error: a driver uses something that is not modelled.
    """

    name = "peripheral"
    irq: int | None = None
    tasks: tuple[int, ...] = ()  # offsets
    events: tuple[int, ...] = ()
    plain: dict[int, int] = {}  # noqa: RUF012  offsets of registers that keep what is written -> after a reset

    def __init__(self, base: int, ppi: Ppi | None = None) -> None:
        self.base, self.ppi = base, ppi
        self.clear()

    def clear(self) -> None:
        self.happened = dict.fromkeys(self.events, 0)
        self.enabled = 0
        self.registers = dict(self.plain)

    def reset(self, cause: str) -> None:
        self.clear()
        self._update()

    # ---- for subclasses ----

    def task(self, offset: int) -> None:
        """A task was triggered, by the CPU or by PPI."""
        raise NotImplementedError(f"{self.name}: no task at {offset:#x}")

    def read_other(self, offset: int) -> int:
        raise NotImplementedError(f"{self.name}: no register to read at {offset:#x}")

    def write_other(self, offset: int, value: int) -> None:
        raise NotImplementedError(f"{self.name}: no register to write at {offset:#x}")

    def event(self, offset: int) -> None:
        """Set an event."""
        self.happened[offset] = 1
        self._update()
        if self.ppi is not None:
            self.ppi.signal(self.base + offset)

    def fault(self, text: str) -> None:
        """Record, among the core's faults, something that the chip does not allow."""
        self.core.faults.append(f"{self.name}: {text}")

    # ---- registers ----

    def _update(self) -> None:
        if self.irq is not None:
            wanted = (o for o in self.events if self.enabled >> (o - 0x100) // 4 & 1)
            self.core.set_irq(self.irq, any(self.happened[o] for o in wanted))

    def read32(self, offset: int) -> int:
        if offset in self.happened:
            return self.happened[offset]
        if offset in (_INTEN, _INTENSET, _INTENCLR):
            return self.enabled
        if offset in self.registers:
            return self.registers[offset]
        return self.read_other(offset)

    def write32(self, offset: int, value: int) -> None:
        if offset in self.tasks:
            if value & 1:
                self.task(offset)
        elif offset in self.happened:
            self.happened[offset] = value & 1
            self._update()
        elif offset in (_INTEN, _INTENSET, _INTENCLR):
            if offset == _INTEN:
                self.enabled = value
            elif offset == _INTENSET:
                self.enabled |= value
            else:
                self.enabled &= ~value
            self._update()
        elif offset in self.registers:
            self.registers[offset] = value
        else:
            self.write_other(offset, value)


def several(offset: int, count: int, step: int = 4) -> tuple[int, ...]:
    """Offsets of an array of registers."""
    return tuple(range(offset, offset + step * count, step))


def zeros(*groups: Iterable[int]) -> dict[int, int]:
    """Registers that are 0 after a reset."""
    return {offset: 0 for group in groups for offset in group}
