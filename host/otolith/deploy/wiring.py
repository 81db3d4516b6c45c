"""What a board is, what was proved of it, and how its microphone is wired."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from otolith.device.boards import Board
from otolith.device.microphones import KIND_NONE, drivers_of
from otolith.virtual.registry import FAMILIES

SILICON = "not yet"  # no board has been reported

# What is printed on modules, the signal of the board's JSON that it goes to, and a wire's colour.
_LEADS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "pdm": (("DAT (DOUT)", "PDM_DATA", "#2a7de1"), ("CLK", "PDM_CLOCK", "#e0a100")),
    "i2s": (
        ("SD (DOUT)", "I2S_DATA", "#2a7de1"),
        ("SCK (BCLK)", "I2S_CLOCK", "#e0a100"),
        ("WS (LRCL)", "I2S_WORD", "#1e9e5a"),
    ),
    "adc": (("OUT", "ADC", "#2a7de1"),),
}
_SUPPLY = (("3V (VDD)", "POWER", "#d33"), ("GND", "GROUND", "#333"))
_SELECT = {"pdm": "SELECT (L/R)", "i2s": "L/R (SEL)"}
_KINDS = {"pdm": "PDM", "i2s": "I2S", "adc": "analog"}


@dataclass(frozen=True)
class Wire:
    """One wire between a microphone's module and a board.

    lead: what is printed on the module. pin: where it goes on the board. colour: in the drawing.
    """

    lead: str
    pin: str
    colour: str


@dataclass(frozen=True)
class About:
    """A board in words, for the table of all.

    microphone: kind, part and where it is. memory: flash and RAM for an image. upload: methods.
    kinds: all kinds of microphones that the chip has drivers for. ran: what its linked images have
    run on. qemu: whether the portable code runs in QEMU on its core. silicon: whether a real board
    has been reported.
    """

    id: str
    name: str
    chip: str
    microphone: str
    kinds: tuple[str, ...]
    memory: str
    upload: tuple[str, ...]
    ran: str
    qemu: str
    silicon: str


def _microphone(board: Board) -> str:
    told = board.microphone
    if told.kind == KIND_NONE:
        return "none"
    where = "on board" if told.on_board else "wired by hand"
    return f"{_KINDS[told.kind]}, {told.part + ', ' if told.part else ''}{where}"


def _qemu(board: Board) -> str:
    if board.qemu:
        return "yes"
    cores = {"cortex-m4": "mps2_an386", "cortex-m33": "mps2_an505"}
    return f"as {cores[board.cpu]}" if board.cpu in cores else "no"


def about(board: Board) -> About:
    """What `host boards` says of a board."""
    emulated = board.family in FAMILIES
    return About(
        board.id,
        board.name,
        board.mcu,
        _microphone(board),
        tuple(drivers_of(board.family)),
        f"{board.flash // 1024:,} kB flash, {board.ram // 1024} kB RAM",
        board.upload.protocols,
        (board.ran or "nothing yet") if emulated else "nothing: no emulator",
        _qemu(board),
        "exists for tests" if board.qemu else SILICON,
    )


def _place(board: Board, pin: object) -> str:
    text = str(pin)
    return board.labels.get(text, f"GPIO {text}" if isinstance(pin, int) else text)


def wiring(board: Board) -> list[Wire]:
    """The wires of a microphone that is not on the board; empty if it is, or if there is none."""
    told = board.microphone
    if told.on_board or told.kind not in _LEADS:
        return []
    wires = [
        Wire(lead, _place(board, board.pins[signal]), colour)
        for lead, signal, colour in _LEADS[told.kind]
    ]
    supply = {"POWER": "3.3 V", "GROUND": "ground"} | dict(board.labels)
    wires += [Wire(lead, supply[signal], colour) for lead, signal, colour in _SUPPLY]
    if told.kind in _SELECT:
        right = told.channel == "right"
        wires.append(
            Wire(
                _SELECT[told.kind],
                supply["POWER" if right else "GROUND"],
                _SUPPLY[0 if right else 1][2],
            )
        )
    return wires


_ROW, _TOP, _LEFT, _BOX, _GAP = 34, 64, 20, 190, 220


def drawing(board: Board) -> str:
    """The wiring as an SVG document: the module on the left, the board on the right."""
    wires = wiring(board)
    height = _TOP + _ROW * len(wires) + 24
    right = _LEFT + _BOX + _GAP
    width = right + _BOX + _LEFT
    told = board.microphone
    module = told.part or f"{_KINDS.get(told.kind, told.kind)} microphone"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(f'{module} on {board.name}')}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for x, name in ((_LEFT, module), (right, board.name)):
        parts += [
            f'<rect x="{x}" y="34" width="{_BOX}" height="{height - 50}" rx="8" fill="#f3f5f7" '
            'stroke="#556"/>',
            f'<text x="{x + _BOX / 2}" y="22" text-anchor="middle" font-weight="bold">'
            f"{escape(name)}</text>",
        ]
    for row, wire in enumerate(wires):
        y = _TOP + _ROW * row
        start, end = _LEFT + _BOX, right
        parts += [
            f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" stroke="{wire.colour}" '
            'stroke-width="3"/>',
            *(f'<circle cx="{x}" cy="{y}" r="5" fill="{wire.colour}"/>' for x in (start, end)),
            f'<text x="{start - 12}" y="{y + 5}" text-anchor="end">{escape(wire.lead)}</text>',
            f'<text x="{end + 12}" y="{y + 5}">{escape(wire.pin)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])
