"""The size of an engine: its objects from a built image, linked with libc only."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from otolith.bench.link import link_engine
from otolith.firmware.build import Firmware

API = ("nn_init", "nn_set_input", "nn_invoke", "nn_output")


def program_bytes(elf: Path) -> tuple[int, int]:
    """Bytes of flash and RAM of a linked program."""
    told = subprocess.run(
        ["arm-none-eabi-size", str(elf)], capture_output=True, text=True, check=True
    ).stdout
    text, data, bss = map(int, told.splitlines()[1].split()[:3])
    return text + data, data + bss


def engine_bytes(firmware: Firmware, board: str) -> tuple[int, int]:
    """Bytes of flash and RAM of the network and its engine, with weights and arena."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "engine.elf"
        # The bench app defines nn_profile(). Here any function will do.
        link_engine(firmware, board, program, API, "-Wl,--defsym=nn_profile=nn_invoke")
        return program_bytes(program)
