"""A part of the set-up: how to find it and how to get it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from otolith.errors import UserError


@dataclass(frozen=True)
class Found:
    """An installed part."""

    version: str
    where: str


@dataclass(frozen=True)
class Part:
    """Something Otolith needs on this computer.

    Attributes:
        name: What users call it.
        why: What it is needed for.
        find: Looks for the part; None if it is missing.
        hint: What a person can run to get it.
        install: Gets the part or raises UserError; None if Otolith can't install it.
        optional: Whether everything but some extras works without it.
    """

    name: str
    why: str
    find: Callable[[], Found | None]
    hint: str
    install: Callable[[], None] | None = None
    optional: bool = False


def run(*command: str, **options) -> str:
    """Run a command and return its output. A UserError holds the last line it printed."""
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
    """A finder for a program on PATH.

    Args:
        name: The program.
        arguments: What makes it print its version; --version by default.
        minimum: The oldest major version that counts as found.
    """

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
