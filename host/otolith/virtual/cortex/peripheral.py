"""The base class of peripheral models."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otolith.virtual.cortex.core import CortexM


class Peripheral:
    """Registers on the bus.

    A subclass defines read32 and write32. Byte and half-word accesses use these, unless it also
    defines read and write.
    """

    core: CortexM  # set when it is mapped

    def reset(self, cause: str) -> None:
        """Reset the registers; cause is "power-on" or what request_reset() was given."""

    def read32(self, offset: int) -> int:
        """Read the register at `offset`, a multiple of 4."""
        raise NotImplementedError(f"{type(self).__name__}: no register to read at {offset:#x}")

    def write32(self, offset: int, value: int) -> None:
        """Write the register at `offset`, a multiple of 4."""
        raise NotImplementedError(f"{type(self).__name__}: no register to write at {offset:#x}")

    def read(self, offset: int, size: int) -> int:
        """Read 1, 2 or 4 bytes at `offset`."""
        if size == 4:
            return self.read32(offset)
        return self.read32(offset & ~3) >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes at `offset`; other bytes stay what read32 returns."""
        if size < 4:
            shift, mask = 8 * (offset & 3), (1 << 8 * size) - 1
            value = self.read32(offset & ~3) & ~(mask << shift) | (value & mask) << shift
        self.write32(offset & ~3, value)
