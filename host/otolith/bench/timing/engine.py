"""Models the cycles of each layer of a compiled network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from otolith.bench.shares import traced
from otolith.bench.timing.decode import decode
from otolith.bench.timing.flash import Chip, FlashWaits
from otolith.bench.timing.walk import Walk
from otolith.firmware.build import Firmware
from otolith.virtual.cortex.program import Program


@dataclass(frozen=True)
class LayerTime:
    """What a kernel call takes: instructions, cycles of the core, and those it waits for flash."""

    instructions: int
    core: int
    waits: int

    @property
    def cycles(self) -> int:
        """All cycles."""
        return self.core + self.waits


def layer_times(
    firmware: Firmware, board: str, chip: Chip, inputs: Sequence[bytes]
) -> list[LayerTime]:
    """Models one inference of a bench image, layer by layer.

    Args:
        firmware: The bench image.
        board: Its board, of the same core as the chip.
        chip: Where its code and constants lie in flash.
        inputs: One for each input tensor.
    """
    waits: list[int] = []

    def watch(program: Program) -> Callable[[], object]:
        flash = FlashWaits(program, chip, *constants(program))

        def after() -> None:
            waits.append(flash.cycles)
            flash.cycles = 0

        return after

    with traced(firmware, board, inputs, watch) as (layers, elf):
        walk = Walk(decode(elf), chip.table)
        counted = [walk.cycles(layer) for layer in layers]
        return [
            LayerTime(count, round(cycles), waited)
            for (count, cycles), waited in zip(counted, waits, strict=True)
        ]


def split(data: bytes, shapes: Sequence[Sequence[int]]) -> list[bytes]:
    """Cuts all inputs, one after another, into those of each tensor."""
    ends = [0, *accumulate(math.prod(shape) for shape in shapes)]
    return [data[a:b] for a, b in pairwise(ends)]


def words(chip: Chip, cycles: int, waits: int, macs: int) -> str:
    """What was modelled, in one line, with the error bar of the core's table."""
    each = f", {cycles / macs:.2f} a MAC" if macs else ""
    return (
        f"modelled on {chip.name} at {chip.clock_hz / 1e6:g} MHz: {cycles:,} cycles{each}, "
        f"{1000 * cycles / chip.clock_hz:.3f} ms, +-{chip.table.error:.0%} for the core; "
        f"{waits:,} of the cycles wait for flash"
    )


def constants(program: Program) -> tuple[int, int]:
    """Start and end of a program's code and constants, which the linker puts before its data."""
    parts = program.image.parts
    return min(at for at, _ in parts), program.image.symbol("__data_start")
