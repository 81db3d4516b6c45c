"""What every upload method gets, and how it runs a program."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from otolith.device.boards import Board
from otolith.errors import UserError, shown

_PATIENCE_S = 180


@dataclass(frozen=True)
class Job:
    """One upload.

    board: the board to upload to.
    folder: where firmware.* were built.
    port: serial port the user named with --upload-port, or None.
    """

    board: Board
    folder: Path
    port: str | None = None

    def image(self, suffix: str) -> Path:
        """Path of firmware.<suffix>; UserError if the build did not write it."""
        path = self.folder / f"firmware.{suffix}"
        if not path.is_file():
            raise UserError(f"{path} is missing: run pio run -e {self.board.id} again")
        return path

    def setting(self, name: str) -> str:
        """A value of the upload section in the board's JSON file; UserError if it is missing."""
        try:
            return self.board.upload.settings[name]
        except KeyError:
            raise UserError(f"boards/{self.board.id}.json: upload.{name} is missing") from None


def find(*names: str) -> str | None:
    """Path of the first of these programs that is installed, or None."""
    return next((path for name in names if (path := shutil.which(name))), None)


def run(command: list[str], what: str, text: str | None = None) -> str:
    """Run a program and return its output.

    Args:
        command: program and arguments.
        what: the program's name, for messages.
        text: standard input.

    Raises:
        UserError: the program failed (the message is its last line) or did not end.
    """
    try:
        done = subprocess.run(
            command,
            input=text,
            text=True,
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"{what}: did not end within {_PATIENCE_S} s: unplug the board, then try again"
        ) from error
    except OSError as error:
        raise UserError(f"{what}: {error.strerror}: {command[0]}") from error
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise UserError(f"{what}: {shown(lines[-1]) if lines else 'failed without a message'}")
    return done.stdout
