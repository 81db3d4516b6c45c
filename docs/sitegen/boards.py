"""The reference of the boards, from boards/*.json."""

from __future__ import annotations

from otolith.deploy.wiring import about, wiring
from otolith.device.boards import load_boards
from sitegen.tables import table


def page() -> str:
    """A section for each board: chip, memory, pins, upload methods, and a note."""
    parts = [
        "# Every board\n",
        "This page is generated from the files in boards/, by the functions behind `host boards`. "
        "Every image below builds; the table says what the linked images have run on in tests. "
        "No real board has been reported yet.\n",
        table(
            ("board", "microphone", "its images ran on", "portable code in QEMU", "real silicon"),
            [
                (f"[{b.name}](#{b.id}) (`{b.id}`)", b.microphone, b.ran, b.qemu, b.silicon)
                for b in map(about, load_boards())
            ],
        ),
    ]
    for board in load_boards():
        told = about(board)
        note = board.notes
        facts = [
            ("chip, core", f"{board.mcu}, {board.cpu}"),
            ("clock", f"{board.clock_hz / 1e6:g} MHz"),
            ("flash, RAM for an image", f"{board.flash:,}, {board.ram:,} bytes"),
            ("microphone", told.microphone),
            ("drivers for microphones", ", ".join(told.kinds) or "none"),
            ("wire protocol", "USB" if board.console == "usb" else "UART"),
            ("upload methods", ", ".join(board.upload.protocols) or "none"),
            *((f"microphone's {wire.lead}", wire.pin) for wire in wiring(board)),
            *((f"pin {signal}", f"`{pin}`") for signal, pin in board.pins.items()),
        ]
        parts += [f"## {board.id}\n", f"{board.name}\n", table(("", ""), facts)]
        if note:
            parts.append(note[0].upper() + note[1:] + ".\n")
        if board.sources:
            parts.append("Pins from " + ", ".join(f"<{source}>" for source in board.sources) + "\n")
    return "\n".join(parts)
