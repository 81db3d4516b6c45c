"""The reference of the boards, from boards/*.json."""

from __future__ import annotations

import json

from otolith import paths
from otolith.device.boards import load_boards
from sitegen.tables import table


def page() -> str:
    """A section for each board: chip, memory, pins, upload methods, and a note."""
    parts = [
        "# Every board\n",
        "This page is generated from the files in boards/. [Boards and wiring](../boards.md) says "
        "what has run where.\n",
    ]
    for board in load_boards():
        file = json.loads((paths.BOARDS / f"{board.id}.json").read_text(encoding="utf-8"))
        note = file["otolith"].get("notes", "")
        facts = [
            ("chip, core", f"{board.mcu}, {board.cpu}"),
            ("clock", f"{board.clock_hz / 1e6:g} MHz"),
            ("flash, RAM for an image", f"{board.flash:,}, {board.ram:,} bytes"),
            ("wire protocol", "USB" if board.console == "usb" else "UART"),
            ("upload methods", ", ".join(board.upload.protocols) or "none"),
            *((f"pin {signal}", f"`{pin}`") for signal, pin in board.pins.items()),
        ]
        parts += [f"## {board.id}\n", f"{board.name}\n", table(("", ""), facts)]
        if note:
            parts.append(note[0].upper() + note[1:] + ".\n")
    return "\n".join(parts)
