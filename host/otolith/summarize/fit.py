"""Tells whether a network fits a board.

The compiler gives the exact sizes of weights and arena. The size of the rest of the firmware comes
from a build: of this network or, approximately, of another one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from otolith.compile import Schedule
from otolith.compile.schedule import constant_bytes
from otolith.device.boards import Board
from otolith.errors import UserError
from otolith.firmware.build import build_folder
from otolith.firmware.size import by_part, total

MODEL = "model"  # the part of the linker's map that is the network


@dataclass(frozen=True)
class Need:
    """What a program takes, in bytes."""

    flash: int
    ram: int


@dataclass(frozen=True)
class Fit:
    """A network beside a board's memory.

    Attributes:
        board: The board.
        network: What the network takes.
        need: What the image takes, as far as it is known.
        basis: How `need` was found. "build": the image was measured. "other build": this network
            in the firmware that was built around another one. "network": the network alone.
    """

    board: Board
    network: Need
    need: Need
    basis: str

    @property
    def fits(self) -> bool:
        return self.need.flash <= self.board.flash and self.need.ram <= self.board.ram

    def words(self) -> str:
        """The result in one line."""
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


def network_need(schedule: Schedule) -> Need:
    """Flash of the constants; RAM of the arena and of the window of features or the inputs."""
    pipeline = schedule.analysis.pipeline
    if pipeline is not None:
        window = pipeline.window_bytes + 2 * pipeline.past + pipeline.front_end.room
    else:
        window = sum(math.prod(tensor.shape) for tensor in schedule.network.inputs)
    return Need(schedule.weights, schedule.arena + window)


def too_large(schedule: Schedule, board: Board, others: Sequence[Board] = ()) -> str | None:
    """Why a network alone does not fit a board, in one line; None if it does.

    Says by how much, which layer takes most, and which other boards have room.

    Args:
        schedule: The network, packed as small as it can be.
        board: The board.
        others: Boards to name if they have room.
    """
    need = network_need(schedule)
    over = []
    if need.flash > board.flash:
        layer, size = _largest(schedule, _weights(schedule))
        over.append(
            f"{need.flash - board.flash:,} bytes of flash too much (weights {need.flash:,}, of "
            f"which {layer} has {size:,})"
        )
    if need.ram > board.ram:
        layer, size = _largest(schedule, _activations(schedule))
        over.append(
            f"{need.ram - board.ram:,} bytes of RAM too much (it needs {need.ram:,}; {layer} works "
            f"on {size:,} at once)"
        )
    if not over:
        return None
    roomy = [b.id for b in others if need.flash <= b.flash and need.ram <= b.ram]
    where = f"it fits {', '.join(roomy)}" if roomy else "it fits none of the boards"
    return (
        f"does not fit {board.id}: {' and '.join(over)}: take a smaller architecture or window; "
        f"{where}"
    )


def largest_part(schedule: Schedule, board: Board, need: Need) -> str:
    """The layer that takes most of the memory that a board lacks for `need`."""
    if need.flash > board.flash:
        layer, size = _largest(schedule, _weights(schedule))
        return f"{layer} has {size:,} of {schedule.weights:,} bytes of weights"
    layer, size = _largest(schedule, _activations(schedule))
    return f"{layer} works on {size:,} bytes of RAM at once"


def _largest(schedule: Schedule, sizes: list[int]) -> tuple[str, int]:
    """The layer with the largest size, and that."""
    at = max(range(len(sizes)), key=sizes.__getitem__)
    return f"layer {at} {schedule.calls[at].operation}", sizes[at]


def _weights(schedule: Schedule) -> list[int]:
    """Bytes of constants of each kernel call."""
    return [constant_bytes(schedule.graph, [[step]]) for step in schedule.calls]


def _activations(schedule: Schedule) -> list[int]:
    """Bytes that each kernel call reads and writes."""
    tensors = schedule.graph.tensors
    return [
        tensors[step.output].bytes
        + sum(tensors[i].bytes for i in step.inputs if tensors[i].data is None)
        for step in schedule.calls
    ]


def fit(board: Board, digest: str, network: Need, builds: Path | None = None) -> Fit:
    """How a network fits a board.

    Args:
        board: The board.
        digest: model_hash() of the network.
        network: What the network takes.
        builds: PlatformIO's build folder. The last build for the board tells the rest.
    """
    folder = (builds or build_folder()) / board.id
    try:
        built = json.loads((folder / "model" / "report.json").read_text(encoding="utf-8"))
        parts = by_part(folder / "firmware.map")
    except (OSError, ValueError, UserError):
        return Fit(board, network, network, "network")
    whole = total(parts)
    if built.get("hash") == digest and _newer(folder):
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
