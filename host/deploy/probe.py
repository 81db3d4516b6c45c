"""Uploading through a debug probe, most often one on the board: by whichever program of those that
the board's JSON lists is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from host.errors import UserError

_SWD_KHZ = "4000"


@dataclass(frozen=True)
class Board:
    """What a program has to be told: of boards/*.json."""

    name: str
    mcu: str
    upload: dict
    flash: str  # address of the image
    baud: int | None = None  # of the console, where it is a UART


def _pyocd(program: str, board: Board, image: Path, scratch: Path) -> list[list[str]]:
    target = board.upload.get("pyocd_target", board.mcu)
    where = ["--base-address", board.flash, "--format", "bin"]
    return [[program, "flash", "-t", target, *where, str(image)]]


def _jlink(program: str, board: Board, image: Path, scratch: Path) -> list[list[str]]:
    script = scratch / "upload.jlink"
    script.write_text(f'r\nloadfile "{image}" {board.flash}\nr\ng\nexit\n')
    options = ["-nogui", "1", "-exitonerror", "1", "-autoconnect", "1", "-if", "swd"]
    options += ["-speed", _SWD_KHZ, "-device", board.upload["jlink_device"]]
    return [[program, *options, "-commandfile", str(script)]]


def _commander(program: str, board: Board, image: Path, scratch: Path) -> list[list[str]]:
    """The debugger's serial port is told the console's speed, too."""
    device = ["--device", board.mcu.upper()]
    commands = [[program, "flash", str(image), "--binary", "--address", board.flash, *device]]
    if board.baud:
        speed = ["--baudrate", str(board.baud), "--handshake", "none", "--store"]
        commands.append([program, "vcom", "config", *speed])
    return commands


@dataclass(frozen=True)
class Method:
    """A program that talks to probes."""

    title: str
    programs: tuple[str, ...]  # its names, the first one found is it
    commands: Callable[[str, Board, Path, Path], list[list[str]]]


METHODS = {
    "pyocd": Method("pyOCD", ("pyocd",), _pyocd),
    "jlink": Method("J-Link Software", ("JLinkExe", "JLink"), _jlink),
    "commander": Method("Simplicity Commander", ("commander", "commander-cli"), _commander),
}


def _run(method: Method, program: str, board: Board, image: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for command in method.commands(program, board, image, Path(scratch)):
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            if done.returncode:
                said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
                reason = said[-1] if said else f"it ended with {done.returncode}"
                raise UserError(
                    f"{method.title} did not reach {board.name}: {reason}: connect the probe's USB "
                    "(on a development kit the board's own) and let no other program use it"
                )


def upload(image: Path, board: Board) -> str:
    """Flash `image`, a flat binary, and start it; says by what. UserError in one line if there is
    no program or no probe."""
    wanted = [METHODS[name] for name in board.upload["protocols"] if name in METHODS]
    for method in wanted:
        program = next(filter(None, map(shutil.which, method.programs)), None)
        if program:
            _run(method, program, board, image)
            return f"flashed by {method.title}"
    titles = " or ".join(method.title for method in wanted)
    raise UserError(
        f"nothing here can upload to {board.name}: install {titles} and connect its probe by USB "
        f"(on a development kit the board's own), or flash {image} to {board.flash} yourself"
    )
