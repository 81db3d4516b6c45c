"""Runs a network on an emulated core: the bench app gets an input and counts.

On the Cortex-M0+ rp2040js counts cycles, with the waits for flash that virtual/rp2040/flash.mjs
models. On M4F and M33 QEMU counts instructions with -icount. Counts do not depend on the load of
this computer. Cycles repeat exactly, instructions to about a hundred, because interrupts come at
different times. For these two cores otolith.bench.timing models the cycles. The virtual Pico 2 is
an M33, too, and takes one instruction a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from otolith.device import Client, VirtualTransport
from otolith.device.boards import named
from otolith.device.transports import Transport
from otolith.errors import UserError, shown
from otolith.firmware.build import Firmware
from otolith.virtual import boot, class_for
from otolith.virtual.qemu import NS_AN_INSTRUCTION_LOG2


@dataclass(frozen=True)
class Core:
    """A core and the board that has it here.

    unit: "cycles" or "instructions". chip: the chip whose cycles otolith.bench.timing models, where
    instructions are counted.
    """

    name: str
    board: str
    unit: str
    chip: str = ""

    def environment(self, engine: str = "compiled") -> str:
        """The environment of platformio.ini for the bench app with `engine`."""
        return f"{self.board}-bench" if engine == "compiled" else f"{self.board}-{engine}-bench"

    def count(self, cycles: int, clock_hz: int) -> int:
        """Converts the board's cycles into `unit`. In QEMU each instruction takes the same time."""
        if self.unit == "cycles" or named(self.board).qemu is None:
            return cycles
        return round(cycles * 1e9 / clock_hz / (1 << NS_AN_INSTRUCTION_LOG2))


CORES = {
    core.name: core
    for core in (
        Core("m0plus", "pico", "cycles"),
        Core("m4f", "mps2_an386", "instructions", "nrf52840"),
        Core("m33", "mps2_an505", "instructions", "efr32mg24"),
    )
}

PICO2 = Core("m33", "pico2", "instructions")
"""The M33 once more, in an RP2350. Benches of cores leave it out: its instructions are the same."""


@dataclass(frozen=True)
class Run:
    """Several inferences. Counts are those of the first, in the core's unit."""

    outputs: tuple[bytes, ...]
    count: int
    start: int  # nn_init()
    layers: tuple[int, ...]
    arena: int  # bytes
    stack: int  # bytes, of the whole bench app
    clock_hz: int


@contextmanager
def booted(core: Core, firmware: Firmware, ideal_flash: bool = False) -> Iterator[Transport]:
    """Boots the core's board with `firmware`. ideal_flash: see otolith.virtual.boot."""
    image = firmware.uf2 if class_for(core.board).IMAGE == "uf2" else firmware.elf
    with boot(image, core.board, ideal_flash=ideal_flash) as board:
        yield VirtualTransport(board)


def run(
    core: Core,
    firmware: Firmware,
    digest: str,
    inputs: Sequence[bytes],
    ideal_flash: bool = False,
) -> Run:
    """Boots a bench firmware and runs its network.

    Args:
        core: The core.
        firmware: The bench app.
        digest: model_hash() of the network in it.
        inputs: One for each inference: all input tensors, one after another.
        ideal_flash: Flash answers at once.

    Raises:
        UserError: The board runs another network.
    """
    with booted(core, firmware, ideal_flash) as transport:
        client = Client(transport)
        hello = client.hello(timeout_ms=30_000)
        if hello.hash != digest:
            raise UserError(f"the board runs network {shown(str(hello.hash))}, not {digest}")
        results = [client.run_network(x, timeout_ms=60_000) for x in inputs]
    told = results[0].message
    clock = told.clock_hz
    return Run(
        outputs=tuple(result.output for result in results),
        count=core.count(told.cycles, clock),
        start=core.count(told.start_cycles, clock),
        layers=tuple(core.count(cycles, clock) for cycles in told.layers),
        arena=told.arena,
        stack=told.stack,
        clock_hz=clock,
    )


def fixed_inputs(shapes: Sequence[Sequence[int]]) -> list[bytes]:
    """The inputs of all benches: noise, a random walk and faint noise.

    The inference on noise is counted; the outputs of all three are compared.
    """

    def drawn(seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        return [rng.integers(-128, 128, shape) for shape in shapes]

    walks = [np.cumsum(x.ravel() // 16) % 256 - 128 for x in drawn(4)]
    faint = [x // 10 - 100 for x in drawn(5)]
    return [
        b"".join(x.astype(np.int8).tobytes() for x in tensors)
        for tensors in (drawn(3), walks, faint)
    ]
