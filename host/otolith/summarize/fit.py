"""Does a network fit a board?

Weights and arena are exact, from the compiler. What the rest of the firmware takes is known only
from a build: of this network, or, nearly, of another one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from otolith.compile import Compiled
from otolith.device.boards import Board
from otolith.errors import UserError
from otolith.features import window_bytes
from otolith.firmware.build import build_folder
from otolith.firmware.size import by_part, total

MODEL = "model"  # the part of the map that is the network


@dataclass(frozen=True)
class Need:
    """Bytes."""

    flash: int
    ram: int


@dataclass(frozen=True)
class Fit:
    """basis: what `need` is: "build" (the image, measured), "other build" (this network in the
    firmware built around another) or "network" (weights, arena and window alone)."""

    board: Board
    network: Need
    need: Need
    basis: str

    @property
    def fits(self) -> bool:
        return self.need.flash <= self.board.flash and self.need.ram <= self.board.ram

    def words(self) -> str:
        """What it means, in a line."""
        over = [
            f"{have - limit:,} bytes of {name}"
            for name, have, limit in (
                ("flash", self.need.flash, self.board.flash),
                ("RAM", self.need.ram, self.board.ram),
            )
            if have > limit
        ]
        if over:
            return f"does not fit: {' and '.join(over)} too much"
        if self.basis == "build":
            return "fits (image measured)"
        if self.basis == "other build":
            return "fits (firmware as built around another network)"
        return "fits alone (firmware not built: `pio run` measures it)"


def network_need(compiled: Compiled, metadata: dict | None) -> Need:
    """Flash of the constants; RAM of the arena and of the window the network looks at."""
    report = compiled.report
    window = 0
    if metadata is not None:
        window = window_bytes(metadata["features"])
    else:
        for edge in report["inputs"]:
            size = 1
            for dimension in edge["shape"]:
                size *= dimension
            window += size
    return Need(report["weights"], report["arena"] + window)


def fit(board: Board, compiled: Compiled, network: Need, builds: Path | None = None) -> Fit:
    """How `compiled` fits `board`, by the best that `builds` (PlatformIO's folder) knows."""
    folder = (builds or build_folder()) / board.id
    try:
        built = json.loads((folder / "model" / "report.json").read_text(encoding="utf-8"))
        parts = by_part(folder / "firmware.map")
    except (OSError, ValueError, UserError):
        return Fit(board, network, network, "network")
    whole = total(parts)
    if built.get("hash") == compiled.report["hash"] and _newer(folder):
        return Fit(board, network, Need(whole.flash, whole.ram), "build")
    model = parts.get(MODEL)
    if model is None:
        return Fit(board, network, network, "network")
    need = Need(whole.flash - model.flash + network.flash, whole.ram - model.ram + network.ram)
    return Fit(board, network, need, "other build")


def _newer(folder: Path) -> bool:
    """Whether the image was linked after the network was compiled."""
    return (folder / "firmware.map").stat().st_mtime >= (
        folder / "model" / "report.json"
    ).stat().st_mtime
