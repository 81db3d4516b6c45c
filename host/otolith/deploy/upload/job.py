"""What every method is told, and how it runs a program."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError

_PATIENCE_S = 180


@dataclass(frozen=True)
class Job:
    """about: the board's JSON; folder: where firmware.* were built; port: --upload-port."""

    board: str
    about: dict
    folder: Path
    port: str | None = None

    def image(self, suffix: str) -> Path:
        """firmware.<suffix>; UserError if the build made none."""
        path = self.folder / f"firmware.{suffix}"
        if not path.is_file():
            raise UserError(f"{path} is missing: run pio run -e {self.board} again")
        return path

    def setting(self, name: str) -> str:
        """A value of the board's upload section."""
        try:
            return self.about["upload"][name]
        except KeyError:
            raise UserError(f"boards/{self.board}.json: upload.{name} is missing") from None


def find(*names: str) -> str | None:
    """The first of these programs that is installed."""
    return next((path for name in names if (path := shutil.which(name))), None)


def run(command: list[str], what: str, text: str | None = None) -> str:
    """The program's output; UserError with its last line if it fails."""
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
        raise UserError(f"{what}: no end after {_PATIENCE_S} s: unplug the board") from error
    except OSError as error:
        raise UserError(f"{what}: {error.strerror}: {command[0]}") from error
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise UserError(f"{what}: {lines[-1] if lines else 'failed without a word'}")
    return done.stdout
