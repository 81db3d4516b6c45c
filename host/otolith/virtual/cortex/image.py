"""Linked images: an ELF file's loadable bytes, their addresses, and its symbols."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError

_HEADER = struct.Struct("<16s2H5I6H")
_SEGMENT = struct.Struct("<8I")
_SECTION = struct.Struct("<10I")
_SYMBOL = struct.Struct("<3I2BH")
_ARM, _LOAD, _SYMBOLS = 40, 1, 2


@dataclass(frozen=True)
class Image:
    """A linked image.

    parts: (address, bytes) as a programmer writes them.
    symbols: name -> address.
    name: the file's name, for messages.
    """

    parts: list[tuple[int, bytes]]
    symbols: dict[str, int]
    name: str = "image"

    @classmethod
    def read(cls, path: Path | str) -> Image:
        """Read a 32-bit little-endian Arm ELF file; UserError if it is not one or is damaged."""
        path = Path(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: no such firmware image: build it with `pio run`") from error
        try:
            return cls(*_parse(data), path.name)
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not an Arm ELF image") from error

    def symbol(self, name: str) -> int:
        """A symbol's address. Bit 0 of a function's address is set, as in a function pointer."""
        try:
            return self.symbols[name]
        except KeyError:
            raise UserError(f"{self.name}: has no symbol {name}") from None


def _parse(data: bytes) -> tuple[list[tuple[int, bytes]], dict[str, int]]:
    header = _HEADER.unpack_from(data)
    if header[0][:6] != b"\x7fELF\x01\x01" or header[2] != _ARM:
        raise IndexError
    segments_at, sections_at = header[5], header[6]
    segments, sections = header[10], header[12]
    parts = []
    for i in range(segments):
        kind, at, _, address, size, *_ = _SEGMENT.unpack_from(data, segments_at + 32 * i)
        if kind == _LOAD and size:
            if at + size > len(data):
                raise IndexError
            parts.append((address, data[at : at + size]))
    symbols = {}
    table = [_SECTION.unpack_from(data, sections_at + 40 * i) for i in range(sections)]
    for section in table:
        if section[1] == _SYMBOLS:
            names = table[section[6]][4]
            for at in range(section[4], section[4] + section[5], _SYMBOL.size):
                name, value, *_ = _SYMBOL.unpack_from(data, at)
                begin = names + name
                symbols[data[begin : data.index(b"\0", begin)].decode()] = value
    return parts, symbols
