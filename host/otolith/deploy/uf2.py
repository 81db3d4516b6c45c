"""UF2 files: firmware in 512-byte blocks, each with its flash address (Microsoft, UF2 format)."""

from __future__ import annotations

import struct
from pathlib import Path

from otolith.errors import UserError
from otolith.files import write_bytes

MAGIC = (0x0A324655, 0x9E5D5157)
MAGIC_END = 0x0AB16F30
FAMILY_PRESENT = 0x2000
EXTENSIONS_PRESENT = 0x8000
RP2040 = 0xE48BFF56
RP2350_ARM = 0xE48BFF59  # an image for the Arm cores in secure state
_ABSOLUTE = 0xE48BFF57
_RP2350_IGNORES = 0x9957E304  # extension: boot ROMs without the erratum pass over the block
FLASH = 0x10000000
PAYLOAD = 256


def encode(binary: bytes, base: int = FLASH, family: int = RP2040) -> bytes:
    """Encode a flat image as UF2 blocks.

    An RP2350 A2 writes only the first file that is copied to its drive if that file's first block
    is of its own family (erratum RP2350-E10). A block of the family "absolute" goes before. It
    says that it is the first of two, so nothing waits for it, and its address is behind the flash.

    Args:
        binary: the image.
        base: its address in flash.
        family: UF2 family ID of the chip.

    Returns:
        Blocks with 256 bytes of the image each; the last is padded with zeros.
    """
    count = -(-len(binary) // PAYLOAD)
    blocks = []
    for number in range(count):
        data = binary[number * PAYLOAD : (number + 1) * PAYLOAD]
        header = struct.pack(
            "<8I",
            *MAGIC,
            FAMILY_PRESENT,
            base + number * PAYLOAD,
            PAYLOAD,
            number,
            count,
            family,
        )
        blocks.append(header + data.ljust(476, b"\0") + struct.pack("<I", MAGIC_END))
    return (_block_for_e10() if family == RP2350_ARM else b"") + b"".join(blocks)


def _block_for_e10() -> bytes:
    flags = FAMILY_PRESENT | EXTENSIONS_PRESENT
    header = struct.pack("<8I", *MAGIC, flags, 0x10FFFF00, PAYLOAD, 0, 2, _ABSOLUTE)
    data = b"\xef" * PAYLOAD + struct.pack("<I", _RP2350_IGNORES)
    return header + data.ljust(476, b"\0") + struct.pack("<I", MAGIC_END)


def write(binary: Path, uf2: Path, base: int = FLASH, family: int = RP2040) -> None:
    """Write `uf2` from the flat image `binary`."""
    data = binary.read_bytes()
    if not data:
        raise UserError(f"{binary}: empty image: build the firmware again")
    write_bytes(uf2, encode(data, base, family))
