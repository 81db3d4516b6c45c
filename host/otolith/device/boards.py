"""Boards as data: what boards/*.json says that a network must fit into."""

from __future__ import annotations

import json
from dataclasses import dataclass

from otolith import paths
from otolith.errors import UserError


@dataclass(frozen=True)
class Board:
    """flash, ram: bytes. clock_hz: 0 if the file does not say."""

    id: str  # the file's name, and the environment's
    name: str
    family: str
    flash: int
    ram: int
    clock_hz: int = 0


def load_boards() -> list[Board]:
    """Every board, by id."""
    found = []
    for path in sorted(paths.BOARDS.glob("*.json")):
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            upload = raw["upload"]
            sizes = int(upload["maximum_size"]), int(upload["maximum_ram_size"])
            clock = int(str(raw.get("build", {}).get("f_cpu", "0")).rstrip("L"))
            family = raw["otolith"]["family"]
            found.append(Board(path.stem, raw["name"], family, *sizes, clock))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: not a board: {error!r}") from error
    return found


def named(board: str) -> Board:
    """The board of this id; UserError."""
    boards = load_boards()
    chosen = next((b for b in boards if b.id == board), None)
    if chosen is None:
        raise UserError(f"no board {board!r}: one of {', '.join(b.id for b in boards)}")
    return chosen
