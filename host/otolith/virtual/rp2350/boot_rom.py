"""The boot ROM (RP2350 datasheet, 5): starts the image, and the functions that images call.

Raspberry Pi's ROM is not used. The ROM here is a few instructions per entry. They pass the
arguments to a port behind the ROM, where no chip has anything, and this module answers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from otolith.errors import UserError
from otolith.virtual.cortex import Peripheral

SIZE, PORT = 0x8000, 0x8000
FLASH, FLASH_WINDOW = 0x10000000, 0x1000  # where an image's first block must be
_STACK = 0x20082000
_TABLE_LOOKUP, _MAGIC = 0x16, 0x10
_ENTRY, _STUBS, _STUB_SIZE = 0x100, 0x200, 32
_ARGUMENTS, _RESULT, _SLOT = 16, 16, 32  # bytes of a function at the port
_VTOR = 0xE000ED08
_START = struct.Struct("<16HI")
_BLOCK_START, _BLOCK_END = 0xFFFFDED3, 0xAB123579
_IMAGE_TYPE, _LAST = 0x42, 0xFF
_EXE, _ARM_SECURE_RP2350 = 0x0001, 0x1020  # image type, and security, CPU and chip
_TYPE_MASK, _CHIP_MASK = 0x000F, 0x7730
_BOOTSEL, _REBOOT_TYPE = 2, 0xF
_ARM_SECURE, _DATA = 0x4, 0x40  # rom_table_lookup's flags
_CHIP_INFO = 0x1
_INVALID_ARGUMENT = -5 & 0xFFFFFFFF


def _code(name: str) -> int:
    return ord(name[0]) | ord(name[1]) << 8


def check_image(flash: bytes) -> None:
    """Check what the boot ROM needs of an image: a loop of blocks that says it is for Arm cores.

    Args:
        flash: the image, from the flash's first byte on.

    Raises:
        UserError: the ROM would not start it.
    """
    first = _first_block(flash)
    kind, place = None, first
    for _ in range(16):
        items, offset = _block(flash, place)
        for item, value in items:
            if item == _IMAGE_TYPE and kind is None:
                kind = value
        place += offset
        if place == first:
            break
    else:
        raise UserError("the image's blocks do not form a loop: an RP2350 does not start it")
    if kind is None or kind & _TYPE_MASK != _EXE or kind & _CHIP_MASK != _ARM_SECURE_RP2350:
        raise UserError("the image is not one for an RP2350's Arm cores")


def _first_block(flash: bytes) -> int:
    for place in range(0, min(FLASH_WINDOW, len(flash) - 16), 4):
        if flash[place : place + 4] == struct.pack("<I", _BLOCK_START):
            return place
    raise UserError("the image has no block in its first 4 kB: an RP2350 does not start it")


def _block(flash: bytes, place: int) -> tuple[list[tuple[int, int]], int]:
    """The items of the block at `place`, as (type, value), and where the next block is from it."""
    broken = UserError(f"the image's block at {FLASH + place:#x} is damaged")
    if flash[place : place + 4] != struct.pack("<I", _BLOCK_START):
        raise broken
    items: list[tuple[int, int]] = []
    at, words = place + 4, 0
    while at + 12 <= len(flash):
        kind, size = flash[at], flash[at + 1]
        if kind == _LAST:
            told, offset, end = struct.unpack_from("<xHxiI", flash, at)
            if told != words or end != _BLOCK_END:
                raise broken
            return items, offset
        if kind & 0x80:  # the size has two bytes
            size |= flash[at + 2] << 8
        if size == 0:
            raise broken
        items.append((kind, int.from_bytes(flash[at + 2 : at + 4], "little")))
        at, words = at + 4 * size, words + size
    raise broken


class BootRom(Peripheral):
    """The port. `code` is what the ROM holds.

    bootable: whether the flash holds an image that check_image accepts.
    serial: the chip's number, 64 bits.
    in_bootloader: whether the USB boot loader runs, instead of the image.
    """

    def __init__(self, bootable: bool, serial: int, reboot: Callable[[float], None]) -> None:
        self.bootable, self.serial, self._reboot = bootable, serial, reboot
        self.in_bootloader = False
        self._to_bootloader = False
        self._arguments: dict[int, int] = {}
        self._functions: list[tuple[int, Callable[[int, int, int, int], int]]] = [
            (0, self._start),
            (1, self._lookup),
            (_code("SR"), lambda *_: 0),  # bootrom_state_reset
            (_code("GS"), self._get_sys_info),
            (_code("RB"), self._reboot_function),
        ]
        self.code = self._assemble()

    def _assemble(self) -> bytes:
        code = bytearray(SIZE)
        struct.pack_into("<II", code, 0, _STACK, _ENTRY | 1)
        code[_MAGIC : _MAGIC + 3] = b"Mu\x02"
        struct.pack_into("<H", code, _TABLE_LOOKUP, self._stub(1) | 1)
        # Ask the port where the image's vectors are; go there, or sleep if the answer is 0.
        start = (
            0xF8DF, 0xC020,  # ldr.w ip, [pc, #32]
            0xF8DC, 0x0010,  # ldr.w r0, [ip, #16]
            0xB138,          # cbz   r0, sleep
            0x4907,          # ldr   r1, [pc, #28]
            0x6008,          # str   r0, [r1]
            0x6801,          # ldr   r1, [r0]
            0xF381, 0x8808,  # msr   msp, r1
            0x6841,          # ldr   r1, [r0, #4]
            0x4708,          # bx    r1
            0xBF00,          # nop
            0xB672,          # sleep: cpsid i
            0xBF30,          # again: wfi
            0xE7FD,          # b     again
        )  # fmt: skip
        struct.pack_into("<16H", code, _ENTRY, *start)
        struct.pack_into("<4xII", code, _ENTRY + 32, PORT, _VTOR)
        for number in range(1, len(self._functions)):
            stub = (
                0xF8DF, 0xC018,  # ldr.w ip, [pc, #24]
                0xF8CC, 0x0000,  # str.w r0, [ip]
                0xF8CC, 0x1004,  # str.w r1, [ip, #4]
                0xF8CC, 0x2008,  # str.w r2, [ip, #8]
                0xF8CC, 0x300C,  # str.w r3, [ip, #12]
                0xF8DC, 0x0010,  # ldr.w r0, [ip, #16]
                0x4770,          # bx    lr
                0xBF00,          # nop
            )  # fmt: skip
            struct.pack_into("<14HI", code, self._stub(number), *stub, PORT + _SLOT * number)
        return bytes(code)

    @staticmethod
    def _stub(number: int) -> int:
        return _STUBS + _STUB_SIZE * number

    def write32(self, offset: int, value: int) -> None:
        self._arguments[offset % _SLOT] = value

    def read32(self, offset: int) -> int:
        number, place = divmod(offset, _SLOT)
        if place != _RESULT or number >= len(self._functions):
            return super().read32(offset)
        values = [self._arguments.get(at, 0) for at in range(0, _ARGUMENTS, 4)]
        return self._functions[number][1](*values) & 0xFFFFFFFF

    def _start(self, *_: int) -> int:
        self.in_bootloader = self._to_bootloader or not self.bootable
        self._to_bootloader = False
        return 0 if self.in_bootloader else FLASH

    def _lookup(self, code: int, flags: int, *_: int) -> int:
        for number, (name, _function) in enumerate(self._functions):
            if name == code and number > 1 and flags == _ARM_SECURE:
                return self._stub(number) | 1
        raise NotImplementedError(
            f"boot ROM: no function {chr(code & 0xFF)}{chr(code >> 8 & 0xFF)}, flags {flags:#x}"
        )

    def _get_sys_info(self, place: int, words: int, flags: int, *_: int) -> int:
        if flags != _CHIP_INFO:
            raise NotImplementedError(f"boot ROM: get_sys_info of {flags:#x}")
        if words < 4:
            return _INVALID_ARGUMENT
        package = 1  # RP2350A
        numbers = (flags, package, self.serial & 0xFFFFFFFF, self.serial >> 32)
        self.core.write(place, struct.pack("<4I", *numbers))
        return 4

    def _reboot_function(self, flags: int, delay_ms: int, *_: int) -> int:
        kind = flags & _REBOOT_TYPE
        if kind not in (0, _BOOTSEL):
            raise NotImplementedError(f"boot ROM: reboot of type {kind}")
        self._to_bootloader = kind == _BOOTSEL
        self._reboot(delay_ms)
        return 0
