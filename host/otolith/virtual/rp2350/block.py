"""The base class of the chip's register blocks: reset, and atomic access (RP2350 datasheet, 2.1.3).

A block answers at four addresses: 0x0000 reads and writes, 0x1000 inverts bits, 0x2000 sets and
0x3000 clears them.
"""

from __future__ import annotations

from otolith.virtual.cortex import Peripheral

SIZE = 0x4000
_XOR, _SET, _CLEAR = 1, 2, 3


class Block(Peripheral):
    """A subclass defines load() and store(), or lists registers that keep what is written.

    name: for error messages.
    plain: offset -> value after a reset, of registers that keep what is written.
    clears: offsets of registers whose bits are cleared by writing ones, in whichever way.
    silent_in_reset: whether access while in reset is no fault: values after a reset are read, and
        what is written is lost.
    """

    name = "block"
    plain: dict[int, int] = {}  # noqa: RUF012
    clears: tuple[int, ...] = ()
    silent_in_reset = False

    def __init__(self) -> None:
        self.held = False  # in reset
        self.clear()

    def clear(self) -> None:
        """Set every register to its value after a reset."""
        self.registers = dict(self.plain)

    def reset(self, cause: str) -> None:
        self.clear()

    def hold(self, held: bool) -> None:
        """Hold the block in reset, or release it (RP2350 datasheet, 7.5)."""
        if held and not self.held:
            self.clear()
        self.held = held

    def fault(self, text: str) -> None:
        """Record, among the core's faults, something that the chip does not allow."""
        self.core.faults.append(f"{self.name}: {text}")

    def load(self, offset: int) -> int:
        """The value of the register at `offset`."""
        if offset not in self.registers:
            raise NotImplementedError(f"{self.name}: no register to read at {offset:#x}")
        return self.registers[offset]

    def peek(self, offset: int) -> int:
        """As load(), but nothing happens by reading: what set, clear and invert start from."""
        return self.load(offset)

    def store(self, offset: int, value: int) -> None:
        """Write the register at `offset`."""
        if offset not in self.registers:
            raise NotImplementedError(f"{self.name}: no register to write at {offset:#x}")
        self.registers[offset] = value

    def read32(self, offset: int) -> int:
        if self.held and not self.silent_in_reset:
            self.fault(f"read at {offset & 0xFFF:#x} while in reset")
        return self.load(offset & 0xFFF)

    def write32(self, offset: int, value: int) -> None:
        if self.held:
            if not self.silent_in_reset:
                self.fault(f"written at {offset & 0xFFF:#x} while in reset")
            return
        way, offset = offset >> 12, offset & 0xFFF
        if offset not in self.clears and way:
            old = self.peek(offset)
            value = {_XOR: old ^ value, _SET: old | value, _CLEAR: old & ~value}[way] & 0xFFFFFFFF
        self.store(offset, value)


class Plain(Block):
    """A block of which only the registers matter: each keeps what is written."""

    def __init__(self, name: str, values: dict[int, int] | None = None) -> None:
        self.name = name
        self.plain = values or {}
        super().__init__()

    def load(self, offset: int) -> int:
        return self.registers.get(offset, 0)

    def store(self, offset: int, value: int) -> None:
        self.registers[offset] = value
