"""Which class emulates which chip family."""

from __future__ import annotations

import importlib
from pathlib import Path

from otolith.device.boards import Board, load_boards, named
from otolith.errors import UserError
from otolith.virtual.board import VirtualBoard

FAMILIES = {
    "rp2040": "otolith.virtual.rp2040.pico:VirtualPico",
    "rp2350": "otolith.virtual.rp2350.chip:VirtualPico2",
    "nrf52": "otolith.virtual.nrf52840.chip:VirtualNrf52840",
    "efr32": "otolith.virtual.efr32mg24.chip:VirtualEfr32mg24",
    "mps2": "otolith.virtual.qemu.board:VirtualMps2",
}
"""Chip family of boards/*.json -> "module:class" of a VirtualBoard. A new chip is one line."""

_SUFFIXES = {".uf2", ".elf", ".hex", ".bin"}


def emulated() -> list[Board]:
    """The boards of boards/ that can be emulated, by id."""
    return [board for board in load_boards() if board.family in FAMILIES]


def class_for(board: Board | str) -> type[VirtualBoard]:
    """The class that emulates `board`; UserError if none does."""
    board = named(board) if isinstance(board, str) else board
    target = FAMILIES.get(board.family)
    if target is None:
        there = ", ".join(each.id for each in emulated())
        raise UserError(f"no virtual board {board.id}: choose one of {there}")
    module, name = target.split(":")
    return getattr(importlib.import_module(module), name)


def boot(
    image: Path | str, board: Board | str = "pico", *, ideal_flash: bool = False
) -> VirtualBoard:
    """Power a virtual board that runs `image`, with all its cables connected.

    Args:
        image: the file that the board's class boots (VirtualBoard.IMAGE): .uf2 or .elf.
        board: a board, or its name in boards/.
        ideal_flash: flash answers at once. Changes only boards whose flash is modelled (RP2040).

    Raises:
        UserError: there is no such board, nothing emulates it, or the image can't be booted.
    """
    board = named(board) if isinstance(board, str) else board
    image, emulator = Path(image), class_for(board)
    suffix = f".{emulator.IMAGE}"
    if image.suffix.lower() in _SUFFIXES - {suffix}:
        raise UserError(
            f"{image}: a virtual {board.id} boots {suffix} files: {image.with_suffix(suffix)} is "
            "beside it"
            if image.with_suffix(suffix).is_file()
            else f"{image}: a virtual {board.id} boots {suffix} files: build it with "
            f"`pio run -e {board.id}`, or name another --board"
        )
    return emulator.boot(image, board, ideal_flash)
