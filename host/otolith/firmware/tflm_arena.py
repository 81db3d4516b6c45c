"""How much memory TensorFlow Lite Micro takes for a network on a core: measured, by running the
linked nn_init() and nn_invoke() in Unicorn's model of that core.

What is taken depends on the core (CMSIS-NN's buffers) and on the library's version, so it can't be
worked out beforehand. The program that runs is made of the firmware's own objects.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from otolith.errors import UserError
from otolith.virtual.cortex.program import FREE, Program

_ALIGNMENT = 16  # the interpreter's, of the arena
_PLACE, _LARGEST = FREE  # more RAM than any board here has
_FAILED = ("the network can't run", "its resolver lacks an operation", "AllocateTensors() failed")


def _machine(command: Sequence[str]) -> list[str]:
    """The flags that name the core."""
    return [w for w in command if w.startswith(("-mcpu", "-mthumb", "-mfloat", "-mfpu"))]


def _probe(command: Sequence[str], size: int, folder: Path) -> Path:
    """Link network and engine of the firmware's link `command` to nothing but libc."""
    objects = [w for w in command if w.endswith(".o") and Path(w).parent.name == "model"]
    archives = [w for w in command if w.endswith(".a") or w.startswith(("-L", "-l"))]
    program = folder / "probe.elf"
    done = subprocess.run(
        [
            command[0],
            *_machine(command),
            "-nostartfiles",
            "--specs=nosys.specs",
            "-Wl,--gc-sections",
            "-Wl,-e,nn_init,-u,nn_invoke,-u,nn_input,-u,nn_output,-u,nn_tflm_used",
            f"-Wl,--defsym=nn_tflm_arena={_PLACE:#x},--defsym=nn_tflm_arena_bytes={size:#x}",
            *objects,
            "-Wl,--start-group",
            *archives,
            "-lstdc++",
            "-lm",
            "-Wl,--end-group",
            "-o",
            str(program),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        telling = [line for line in lines if "undefined reference" in line] or lines
        raise UserError(f"linking TensorFlow Lite Micro: {telling[0]}")
    return program


def _run(command: Sequence[str], size: int) -> tuple[int, int]:
    """(what nn_init() or nn_invoke() returned, bytes in use) with an arena of `size` bytes."""
    with tempfile.TemporaryDirectory() as folder:
        elf = _probe(command, size, Path(folder))
        cpu = next(w.removeprefix("-mcpu=") for w in command if w.startswith("-mcpu="))
        try:
            program = Program(elf, cpu)
            if failed := program.call("nn_init"):
                return failed, 0
            return program.call("nn_invoke"), program.call("nn_tflm_used")
        except UserError as error:
            raise UserError(
                f"measuring the arena: {error.message}: take the compiled engine"
            ) from error


def arena_bytes(command: Sequence[str]) -> int:
    """The smallest arena, in steps of 16 bytes, with which the network of a link command prepares
    and runs."""
    failed, used = _run(command, _LARGEST)
    if failed:
        raise UserError(f"TensorFlow Lite Micro: {_FAILED[-failed] if failed > -3 else failed}")
    low = -(-used // _ALIGNMENT)  # preparing may take more for a while than stays in use
    if not _run(command, low * _ALIGNMENT)[0]:
        return low * _ALIGNMENT
    high = 2 * low
    while _run(command, high * _ALIGNMENT)[0]:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _run(command, middle * _ALIGNMENT)[0] else (low, middle)
    return high * _ALIGNMENT


def arena_object(command: Sequence[str]) -> tuple[str, int]:
    """(object file with the arena, its bytes) to add to the firmware's link command."""
    size = arena_bytes(command)
    folder = next(Path(w).parent for w in command if w.endswith("resolver.cpp.o"))
    target = folder / "arena.o"
    source = f""".section .bss.nn_tflm_arena, "aw", %nobits
.balign {_ALIGNMENT}
.global nn_tflm_arena
nn_tflm_arena: .space {size}
.global nn_tflm_arena_bytes
.set nn_tflm_arena_bytes, {size}
"""
    subprocess.run(
        [command[0], *_machine(command), "-c", "-x", "assembler", "-", "-o", str(target)],
        input=source,
        text=True,
        check=True,
    )
    return str(target), size
