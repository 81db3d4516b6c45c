"""Reads UF2 files as the boot ROM does (Microsoft, UF2 format; RP2350 datasheet, 5.5)."""

from __future__ import annotations

import struct

from otolith.errors import UserError

RP2350_ARM = 0xE48BFF59
_MAGIC, _MAGIC_END = (0x0A324655, 0x9E5D5157), struct.pack("<I", 0x0AB16F30)
_NOT_MAIN_FLASH, _FAMILY_PRESENT = 0x1, 0x2000


def decode(data: bytes, flash: range, family: int = RP2350_ARM) -> list[tuple[int, bytes]]:
    """The blocks of a UF2 file that a chip writes to its flash.

    Args:
        data: the file's content.
        flash: addresses of the chip's flash.
        family: UF2 family ID of the chip. Blocks of other families are passed over.

    Returns:
        (address, bytes) of each block, as they come.

    Raises:
        UserError: the file is damaged, or nothing in it is for this chip.
    """
    if not data or len(data) % 512:
        raise UserError(f"{len(data)} bytes are not whole UF2 blocks of 512")
    parts: list[tuple[int, bytes]] = []
    for number in range(len(data) // 512):
        block = data[512 * number : 512 * number + 512]
        start0, start1, flags, address, size, index, count, owner = struct.unpack_from("<8I", block)
        if (start0, start1) != _MAGIC or block[508:] != _MAGIC_END:
            raise UserError(f"block {number} is no UF2 block")
        if flags & _NOT_MAIN_FLASH or not flags & _FAMILY_PRESENT or owner != family:
            continue
        if index != len(parts) or index >= count:
            raise UserError(f"block {number} says it is {index} of {count}: blocks are missing")
        if size > 476 or address not in flash or address + size > flash.stop:
            raise UserError(f"block {number} is for address {address:#x}, outside flash")
        parts.append((address, block[32 : 32 + size]))
    if not parts:
        raise UserError(f"no block is of family {family:#x}: the file is for another chip")
    if len(parts) != count:
        raise UserError(f"{len(parts)} of {count} blocks are there")
    return parts
