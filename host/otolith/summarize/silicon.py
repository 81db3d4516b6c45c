"""Cycles that a real board measured, beside those that are modelled here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from otolith.compile import Schedule, read_file, schedule_model
from otolith.compile.cores import CORE_OF_CPU, PORTABLE
from otolith.compile.packing import room_on
from otolith.device.boards import Board
from otolith.device.transports import Transport
from otolith.firmware.build import build
from otolith.summarize.profile import TWINS, VIRTUAL, chip_of, measure, profile_image, zero_inputs


@dataclass(frozen=True)
class LayerCycles:
    """A kernel call. modelled: None if this board's cycles are not modelled."""

    operation: str
    measured: int
    modelled: int | None


@dataclass(frozen=True)
class Cycles:
    """One network on one board.

    Attributes:
        board: Id of the board.
        model: Name of the network.
        hash: model_hash() of its file.
        clock_hz: The processor's clock.
        measured: Cycles of one inference by the board's own counter.
        modelled: The same as modelled here; None if this board's cycles are not modelled.
        basis: What the modelled cycles rest on.
        layers: The kernel calls.
    """

    board: str
    model: str
    hash: str
    clock_hz: int
    measured: int
    modelled: int | None
    basis: str
    layers: tuple[LayerCycles, ...]

    @property
    def difference(self) -> float | None:
        """How far the measured cycles are from the modelled ones, as a share of these."""
        return None if not self.modelled else self.measured / self.modelled - 1

    def words(self) -> str:
        """The result in one line."""
        text = f"{self.model} on {self.board}: {self.measured:,} cycles measured"
        if self.difference is None:
            return f"{text}; {self.basis}"
        return f"{text}, {self.modelled:,} modelled ({self.difference:+.1%}); {self.basis}"

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object. It names no serial number and no path."""
        return {**asdict(self), "difference": self.difference}


def scheduled(model: Path, board: Board) -> Schedule:
    """A network as the build for a board schedules it."""
    room = room_on(board.flash)
    core = CORE_OF_CPU.get(board.cpu, PORTABLE)
    return schedule_model(read_file(model), model.stem, core, room=room)


@dataclass(frozen=True)
class Modelled:
    """One inference as modelled here: cycles in all (None: not modelled), of each layer, and what
    they rest on.
    """

    cycles: int | None
    layers: tuple[int, ...]
    basis: str


def modelled(model: Path, board: Board) -> Modelled:
    """Models the cycles of a network on a board. Builds the bench app; on the Pico it runs it.

    Raises:
        UserError: The network can't be compiled, or the board has no bench environment.
    """
    from otolith.bench.timing.engine import layer_times

    schedule = scheduled(model, board)
    if board.family == VIRTUAL:
        found = profile_image(build(f"{board.id}-bench", model).uf2, schedule, board.id)
        layers = tuple(layer.cycles for layer in found.layers)
        return Modelled(found.cycles, layers, "virtual Pico, flash included")
    twin = TWINS.get(board.family)
    chip = chip_of(twin) if twin else None
    if twin is None or chip is None:
        return Modelled(None, (), "cycles of this chip are not modelled")
    inputs = zero_inputs(schedule.network.inputs)
    times = layer_times(build(f"{twin}-bench", model), twin, chip, inputs)
    basis = f"model of {chip.name}, +-{chip.table.error:.0%} for the core, flash included"
    return Modelled(sum(t.cycles for t in times), tuple(t.cycles for t in times), basis)


def compare(transport: Transport, model: Path, board: Board) -> Cycles:
    """Measures a network on a board that runs its bench app, and models it.

    Args:
        transport: To the board.
        model: The network in the app, an int8 .tflite.
        board: The board.

    Raises:
        UserError: The board runs another app or network.
    """
    schedule = scheduled(model, board)
    found = measure(transport, schedule)
    expected = modelled(model, board)
    layers = tuple(
        LayerCycles(layer.operation, layer.cycles, guess)
        for layer, guess in zip_longest(found.layers, expected.layers)
    )
    network = schedule.network
    about = (board.id, network.name, network.digest, found.clock_hz)
    return Cycles(*about, found.cycles, expected.cycles, expected.basis, layers)
