"""What a model of a peripheral is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otolith.virtual.cortex.core import CortexM


class Peripheral:
    """Registers at an address. A subclass has read32 and write32; bytes and halves follow from
    them, unless read and write are its own."""

    core: CortexM  # set when it is mapped

    def reset(self, cause: str) -> None:
        """Registers as after a reset; cause: "power-on" or what request_reset was told."""

    def read32(self, offset: int) -> int:
        """The register at `offset`, a multiple of 4."""
        raise NotImplementedError(f"{type(self).__name__}: no register to read at {offset:#x}")

    def write32(self, offset: int, value: int) -> None:
        """`value` for the register at `offset`, a multiple of 4."""
        raise NotImplementedError(f"{type(self).__name__}: no register to write at {offset:#x}")

    def read(self, offset: int, size: int) -> int:
        """1, 2 or 4 bytes at `offset`."""
        if size == 4:
            return self.read32(offset)
        return self.read32(offset & ~3) >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> None:
        """1, 2 or 4 bytes at `offset`; fewer than 4 leave the others as they are read."""
        if size < 4:
            shift, mask = 8 * (offset & 3), (1 << 8 * size) - 1
            value = self.read32(offset & ~3) & ~(mask << shift) | (value & mask) << shift
        self.write32(offset & ~3, value)
