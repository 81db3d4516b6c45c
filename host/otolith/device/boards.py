"""Boards as data: the one reader of boards/*.json in Python.

PlatformIO reads the same files through its own classes (platform/builder). Keys that this module
does not know belong to PlatformIO and are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from otolith import paths
from otolith.device.microphones import NO_MICROPHONE, Microphone, default_kind
from otolith.device.pins import problems
from otolith.errors import UserError, shown
from otolith.settings.problems import nearest

_SUFFIX = ".json"


@dataclass(frozen=True)
class Upload:
    """How an image gets onto a board.

    protocols: names of upload methods, the preferred one first. settings: what single methods need,
    such as `jlink_device`, `pyocd_target`, `uf2_board`.
    """

    protocols: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Board:
    """A board, as its file in boards/ describes it.

    id: the file's name without .json, which is also the PlatformIO environment's name.
    family: chip family: rp2040, rp2350, nrf52, efr32 or mps2.
    flash, ram: what an image may use, bytes.
    clock_hz: CPU clock, Hz. 0 if the file does not say.
    mcu, cpu, core_flags: the chip, its core, and the compiler's flags for that core.
    pins: signal -> pin, as the chip family writes pins (2, "P1_03", "PA5").
    console: what carries the wire protocol, "usb" or "uart". A USB microphone always has USB.
    baud: of a UART console, bits a second. None: the chip family's default.
    led_active_low: the LED shines while its pin is low.
    flash_start: address of the image in flash. None: the chip family's default.
    bootloader_request: value that asks the board's boot loader to stay. None: there is none.
    qemu: name of the machine in QEMU. None: QEMU does not emulate the board.
    microphone: what it hears with.
    labels: pin -> what is printed beside it; "POWER" and "GROUND" for the microphone's supply.
    ran: what its linked images have run on in tests. "": on nothing yet.
    sources: addresses of what its pins were taken from.
    notes: what else is to be known, in a few words.
    """

    id: str
    name: str
    family: str
    flash: int
    ram: int
    clock_hz: int = 0
    mcu: str = ""
    cpu: str = ""
    core_flags: tuple[str, ...] = ()
    pins: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))
    console: Literal["usb", "uart"] = "usb"
    baud: int | None = None
    led_active_low: bool = False
    flash_start: int | None = None
    bootloader_request: int | None = None
    qemu: str | None = None
    upload: Upload = Upload()
    microphone: Microphone = NO_MICROPHONE
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ran: str = ""
    sources: tuple[str, ...] = ()
    notes: str = ""

    def number_of_pin(self, signal: str) -> int:
        """The pin of `signal`, where the family counts pins (RP2040, RP2350)."""
        pin = self.pins.get(signal)
        if not isinstance(pin, int):
            raise UserError(f"boards/{self.id}{_SUFFIX}: otolith.pins.{signal}: must be a number")
        return pin

    def name_of_pin(self, signal: str) -> str:
        """The pin of `signal`, where the family names pins (nRF52840, EFR32MG24)."""
        pin = self.pins.get(signal)
        if not isinstance(pin, str):
            raise UserError(f"boards/{self.id}{_SUFFIX}: otolith.pins.{signal}: must be a name")
        return pin


class _Build(msgspec.Struct):
    mcu: str
    cpu: str = ""
    core_flags: tuple[str, ...] = ()
    f_cpu: str = "0"


class _Memory(msgspec.Struct):
    flash: str | None = None


class _Microphone(msgspec.Struct):
    kind: str | None = None
    gain_db: int = 0
    channel: Literal["left", "right"] = "left"
    part: str = ""
    on_board: bool = False


class _Otolith(msgspec.Struct):
    family: str
    pins: dict[str, int | str] = msgspec.field(default_factory=dict)
    console: Literal["usb", "uart"] | None = None
    baud: int | None = None
    led_active_low: bool = False
    memory: _Memory = msgspec.field(default_factory=_Memory)
    bootloader_request: str | None = None
    qemu: str | None = None
    microphone: _Microphone = msgspec.field(default_factory=_Microphone)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    ran: str = ""
    sources: tuple[str, ...] = ()
    notes: str = ""


class _Upload(msgspec.Struct):
    maximum_size: int
    maximum_ram_size: int
    protocols: tuple[str, ...] = ()


class _File(msgspec.Struct):
    name: str
    build: _Build
    otolith: _Otolith
    upload: _Upload


# chip families whose console is USB unless the file says otherwise
_HAS_USB = ("rp2040", "rp2350", "nrf52")


def _number(text: str | None) -> int | None:
    return None if text is None else int(text.rstrip("L"), 0)


def board_from(id: str, content: Mapping[str, Any], where: Path | str = "board") -> Board:
    """A board from the decoded content of its JSON file.

    Args:
        id: the board's name.
        content: as json.loads() gives it.
        where: the file, for messages.

    Raises:
        UserError: a key is missing or has the wrong type.
    """
    try:
        file = msgspec.convert(content, _File)
        clock, flash_start, request = (
            _number(text)
            for text in (
                file.build.f_cpu,
                file.otolith.memory.flash,
                file.otolith.bootloader_request,
            )
        )
    except (msgspec.ValidationError, ValueError) as error:
        raise UserError(f"{where}: not a board: {error}") from error
    about = file.otolith
    heard = about.microphone
    known = _Upload.__struct_fields__
    settings = {
        key: value
        for key, value in content["upload"].items()
        if key not in known and isinstance(value, str)
    }
    return Board(
        id=id,
        name=file.name,
        family=about.family,
        flash=file.upload.maximum_size,
        ram=file.upload.maximum_ram_size,
        clock_hz=clock or 0,
        mcu=file.build.mcu,
        cpu=file.build.cpu,
        core_flags=file.build.core_flags,
        pins=MappingProxyType(about.pins),
        console=about.console or ("usb" if about.family in _HAS_USB else "uart"),
        baud=about.baud,
        led_active_low=about.led_active_low,
        flash_start=flash_start,
        bootloader_request=request,
        qemu=about.qemu,
        upload=Upload(file.upload.protocols, MappingProxyType(settings)),
        microphone=Microphone(
            default_kind(about.family) if heard.kind is None else heard.kind,
            heard.gain_db,
            heard.channel,
            heard.part,
            heard.on_board,
        ),
        labels=MappingProxyType(about.labels),
        ran=about.ran,
        sources=about.sources,
        notes=about.notes,
    )


# What `-O NAME=VALUE` changes in a board: name -> field of Microphone.
OPTIONS = {
    "microphone": "kind",
    "microphone.gain_db": "gain_db",
    "microphone.channel": "channel",
    "microphone.part": "part",
}


def with_options(board: Board, options: Sequence[str]) -> Board:
    """The board with other settings of its microphone.

    Args:
        board: as its file describes it.
        options: such as "microphone=i2s" or "microphone.gain_db=12"; names are keys of OPTIONS.

    Raises:
        UserError: a name or a value is wrong.
    """
    changes: dict[str, Any] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or name not in OPTIONS:
            there = ", ".join(OPTIONS)
            raise UserError(f"-O {shown(option)}: must be NAME=VALUE, and NAME one of {there}")
        changes[OPTIONS[name]] = value
    if "kind" in changes and changes["kind"] != board.microphone.kind:  # it is another one
        changes = {"part": "", "on_board": False, **changes}
    try:
        changed = msgspec.convert(
            {**msgspec.to_builtins(board.microphone), **changes}, _Microphone, strict=False
        )
    except msgspec.ValidationError as error:
        raise UserError(f"-O {shown(' -O '.join(options))}: {error}") from error
    return replace(
        board, microphone=Microphone(**(msgspec.structs.asdict(changed) | {"kind": changed.kind}))
    )


def check(board: Board) -> Board:
    """The board, if its pins and its microphone can be what its file says.

    Raises:
        UserError: all that is wrong, a line each.
    """
    if told := problems(board.family, board.pins, board.microphone):
        raise UserError("\n".join(f"boards/{board.id}{_SUFFIX}: {each}" for each in told))
    return board


def read_board(path: Path) -> Board:
    """The board that a JSON file describes; UserError if it describes none."""
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a board: must be a JSON object")
    return board_from(path.stem, content, path)


def load_boards() -> list[Board]:
    """Every board of boards/, by id."""
    return [read_board(path) for path in sorted(paths.BOARDS.glob(f"*{_SUFFIX}"))]


def named(board: str) -> Board:
    """The board with this id; UserError names those there are."""
    path = paths.BOARDS / f"{board}{_SUFFIX}"
    if board != Path(board).name or not path.is_file():
        there = ", ".join(path.stem for path in sorted(paths.BOARDS.glob(f"*{_SUFFIX}")))
        near = nearest(board, there.split(", "))
        guess = f"{near} The boards are {there}" if near.startswith("did") else f"one of {there}"
        raise UserError(f"no board {board!r}: {guess}")
    return read_board(path)
