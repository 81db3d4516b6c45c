"""A part of the set-up: how to find it, how to get it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from otolith.errors import UserError


@dataclass(frozen=True)
class Found:
    """A part that is there."""

    version: str
    where: str


@dataclass(frozen=True)
class Part:
    """`find` returns Found or None; `install` brings it or raises UserError; `hint` is what a
    person can run instead. An optional part may be missing."""

    name: str
    why: str
    find: Callable[[], Found | None]
    hint: str
    install: Callable[[], None] | None = None
    optional: bool = False


def run(*command: str, **options) -> str:
    """Run a command; its output, or a UserError with its last line."""
    try:
        done = subprocess.run(
            command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
        )
    except OSError as error:
        raise UserError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        raise UserError(f"{' '.join(command[:3])} failed: {lines[-1] if lines else 'no output'}")
    return done.stdout


def program(name: str, *arguments: str, minimum: int = 0) -> Callable[[], Found | None]:
    """A finder for a program on PATH whose version is at least `minimum` (major)."""

    def find() -> Found | None:
        path = shutil.which(name)
        if path is None:
            return None
        try:
            output = run(path, *(arguments or ("--version",)))
        except UserError:
            return None
        numbers = re.search(r"(\d+)(\.\d+)*", output.splitlines()[0] if output else "")
        if numbers is None or int(numbers[1]) < minimum:
            return None
        return Found(numbers[0], path)

    return find
