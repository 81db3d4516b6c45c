"""Reads flatbuffers from untrusted files: every offset is checked before it is followed.

The format is described on flatbuffers.dev under "Internals".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from otolith.errors import UserError

Bytes = bytes  # Table has a method of this name


class Buffer:
    """The bytes of a file. A read outside them raises UserError."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def unpack(self, code: str, offset: int) -> Any:
        """The little-endian number at `offset`, of `struct` format `code`."""
        size = struct.calcsize("<" + code)
        if offset < 0 or offset + size > len(self.data):
            raise UserError(f"damaged model: reads byte {offset} of {len(self.data)}")
        return struct.unpack_from("<" + code, self.data, offset)[0]

    def follow(self, offset: int) -> int:
        """The place that the relative offset at `offset` points to."""
        step = int(self.unpack("I", offset))
        target = offset + step
        if step == 0 or target >= len(self.data):
            raise UserError(f"damaged model: offset at byte {offset} points outside")
        return target

    def root(self) -> Table:
        """The table that the file is."""
        return Table(self, self.follow(0))


@dataclass(frozen=True)
class Table:
    """A table at byte `position`. Its fields are numbered as in the schema."""

    buffer: Buffer
    position: int

    def _field(self, number: int) -> int:
        """Byte position of a field; 0 if it is left out."""
        vtable = self.position - int(self.buffer.unpack("i", self.position))
        size = int(self.buffer.unpack("H", vtable))
        entry = 4 + 2 * number
        if entry + 2 > size:
            return 0
        step = int(self.buffer.unpack("H", vtable + entry))
        return self.position + step if step else 0

    def number(self, field: int, code: str, default: float = 0) -> Any:
        """The number in a field, of `struct` format `code`; `default` if it is left out."""
        at = self._field(field)
        return self.buffer.unpack(code, at) if at else default

    def place(self, field: int) -> int | None:
        """Byte position of a field's table, list or string; None if it is left out."""
        at = self._field(field)
        return self.buffer.follow(at) if at else None

    def table(self, field: int) -> Table | None:
        """The table in a field; None if it is left out."""
        at = self.place(field)
        return None if at is None else Table(self.buffer, at)

    def _vector(self, field: int, item: int) -> tuple[int, int]:
        """Position of a list's first item, and the number of items of `item` bytes."""
        at = self._field(field)
        if not at:
            return 0, 0
        start = self.buffer.follow(at)
        count = int(self.buffer.unpack("I", start))
        if count * item > len(self.buffer.data) - start - 4:
            raise UserError(f"damaged model: a list of {count} items does not fit the file")
        return start + 4, count

    def numbers(self, field: int, code: str) -> tuple[Any, ...]:
        """The numbers in a list, of `struct` format `code`; empty if it is left out."""
        start, count = self._vector(field, struct.calcsize("<" + code))
        return struct.unpack_from(f"<{count}{code}", self.buffer.data, start)

    def tables(self, field: int) -> list[Table]:
        """The tables in a list; empty if it is left out."""
        start, count = self._vector(field, 4)
        return [Table(self.buffer, self.buffer.follow(start + 4 * i)) for i in range(count)]

    def bytes(self, field: int) -> Bytes:
        """The bytes in a list; empty if it is left out."""
        start, count = self._vector(field, 1)
        return self.buffer.data[start : start + count]

    def text(self, field: int) -> str:
        """A string. Characters that can't be printed become "?"."""
        return self._printable(self.bytes(field))

    def texts(self, field: int) -> list[str]:
        """The strings in a list, each as text() returns it."""
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
    def _printable(data: Bytes) -> str:
        text = data.decode("utf-8", "replace")
        return "".join(c if c.isprintable() else "?" for c in text)


def named_metadata(data: bytes, name: str) -> bytes | None:
    """The bytes of a .tflite's metadata entry with this name; None if there is no such entry.

    Raises:
        UserError: The file is no .tflite, or damaged.
    """
    if len(data) < 16 or data[4:8] != b"TFL3":
        raise UserError("not a .tflite model: no TFL3 identifier at byte 4")
    model = Buffer(data).root()
    for entry in model.tables(6):
        if entry.text(0) != name:
            continue
        buffers = model.tables(4)
        number = entry.number(1, "I")
        if number >= len(buffers):
            raise UserError(f"damaged model: metadata in buffer {number} of {len(buffers)}")
        found: bytes = buffers[number].bytes(0)
        return found
    return None
