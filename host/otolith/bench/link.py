"""Links the network and engine of a built image without the rest of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from otolith import paths
from otolith.device.boards import named
from otolith.errors import UserError
from otolith.firmware.build import Firmware

API = ("nn_init", "nn_input", "nn_set_input", "nn_invoke", "nn_output")
LIBRARIES = re.compile(r"lib(nn|nn_\w+|pico-tflmicro)\.a$")


def cpu_of(board: str) -> str:
    """The processor of a board, as for -mcpu."""
    return named(board).cpu


def core_flags(board: str) -> list[str]:
    """The compiler's processor and floating-point flags for a board."""
    about = named(board)
    return [f"-mcpu={about.cpu}", "-mthumb", *about.core_flags]


def link_engine(
    firmware: Firmware, board: str, target: Path, roots: Sequence[str] = API, *more: str
) -> None:
    """Links only what some functions need.

    Args:
        firmware: The built image.
        board: Id of its board.
        target: The ELF file to write.
        roots: Names of the functions.
        more: Further arguments of the linker.

    Raises:
        UserError: Linking failed.
    """
    objects = sorted((firmware.folder / "model").glob("*.o"))
    objects = [path for path in objects if not path.name.startswith("pipeline")]
    archives = [p for p in sorted(firmware.folder.rglob("*.a")) if LIBRARIES.search(p.name)]
    command = ["arm-none-eabi-g++", *core_flags(board), "-nostartfiles", "--specs=nosys.specs"]
    command += ["-Wl,--gc-sections,-e,nn_invoke", *more]
    command += [f"-Wl,-u,{name}" for name in roots]
    # A board's own is in its library (lib/board/src/rp2040/fetch.c): here constants lie in flash.
    command += ["-Os", "-x", "c", str(paths.LIB / "nn" / "src" / "nn_fetch.c"), "-x", "none"]
    command += [*map(str, objects), "-Wl,--start-group", *map(str, archives), "-lm"]
    command += ["-Wl,--end-group", "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"linking the engine alone: {done.stderr.strip().splitlines()[-1]}")
