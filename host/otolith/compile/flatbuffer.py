"""Reading flatbuffers with every offset checked before it is followed.

The format is FlatBuffers' (flatbuffers.dev, "internals"); the file may come from anywhere.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from otolith.errors import UserError


class Buffer:
    """The bytes of a file; every read is checked."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def unpack(self, code: str, offset: int) -> int | float:
        """One little-endian number of struct code `code` at `offset`."""
        size = struct.calcsize("<" + code)
        if offset < 0 or offset + size > len(self.data):
            raise UserError(f"damaged model: reads byte {offset} of {len(self.data)}")
        return struct.unpack_from("<" + code, self.data, offset)[0]

    def follow(self, offset: int) -> int:
        """Where the relative offset stored at `offset` points."""
        step = int(self.unpack("I", offset))
        target = offset + step
        if step == 0 or target >= len(self.data):
            raise UserError(f"damaged model: offset at byte {offset} points outside")
        return target

    def root(self) -> Table:
        return Table(self, self.follow(0))


@dataclass(frozen=True)
class Table:
    """A table at `position`; fields are named by their number in the schema."""

    buffer: Buffer
    position: int

    def _field(self, number: int) -> int:
        """Byte position of a field, or 0 if it is not there."""
        vtable = self.position - int(self.buffer.unpack("i", self.position))
        size = int(self.buffer.unpack("H", vtable))
        entry = 4 + 2 * number
        if entry + 2 > size:
            return 0
        step = int(self.buffer.unpack("H", vtable + entry))
        return self.position + step if step else 0

    def number(self, field: int, code: str, default: float = 0) -> int:
        at = self._field(field)
        return self.buffer.unpack(code, at) if at else default

    def place(self, field: int) -> int | None:
        """Where the table, list or string of a field is."""
        at = self._field(field)
        return self.buffer.follow(at) if at else None

    def table(self, field: int) -> Table | None:
        at = self.place(field)
        return None if at is None else Table(self.buffer, at)

    def _vector(self, field: int, item: int) -> tuple[int, int]:
        """Position of the first item and count."""
        at = self._field(field)
        if not at:
            return 0, 0
        start = self.buffer.follow(at)
        count = int(self.buffer.unpack("I", start))
        if count * item > len(self.buffer.data) - start - 4:
            raise UserError(f"damaged model: a list of {count} items does not fit the file")
        return start + 4, count

    def numbers(self, field: int, code: str) -> tuple:
        start, count = self._vector(field, struct.calcsize("<" + code))
        return struct.unpack_from(f"<{count}{code}", self.buffer.data, start)

    def tables(self, field: int) -> list[Table]:
        start, count = self._vector(field, 4)
        return [Table(self.buffer, self.buffer.follow(start + 4 * i)) for i in range(count)]

    def bytes(self, field: int) -> bytes:
        start, count = self._vector(field, 1)
        return self.buffer.data[start : start + count]

    def text(self, field: int) -> str:
        """A string, on one line whatever the file holds."""
        return self._printable(self.bytes(field))

    def texts(self, field: int) -> list[str]:
        """A list of strings, each as `text` has it."""
        start, count = self._vector(field, 4)
        found = []
        for i in range(count):
            at = self.buffer.follow(start + 4 * i)
            length = int(self.buffer.unpack("I", at))
            if length > len(self.buffer.data) - at - 4:
                raise UserError(f"damaged model: a string of {length} bytes does not fit the file")
            found.append(self._printable(self.buffer.data[at + 4 : at + 4 + length]))
        return found

    @staticmethod
    def _printable(data: bytes) -> str:
        text = data.decode("utf-8", "replace")
        return "".join(c if c.isprintable() else "?" for c in text)
