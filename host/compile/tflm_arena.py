"""How much memory TensorFlow Lite Micro takes for a network on a core: measured, by running the
linked nn_init() and nn_invoke() in Unicorn's model of that core.

What is taken depends on the core (CMSIS-NN's buffers) and on the library's version, so it can't be
worked out beforehand. The program that runs is made of the firmware's own objects.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from host.errors import UserError

_ALIGNMENT = 16  # the interpreter's, of the arena
_LARGEST = 8 << 20  # more RAM than any board here has
_ARENA, _STACK, _END = 0x70000000, 0x60000000, 0x1FFFF000  # of them code may run at the last
_STACK_BYTES = 1 << 16
_TIMEOUT_US = 120_000_000
_PAGE = 0xFFF
_FAILED = ("the network can't run", "its resolver lacks an operation", "AllocateTensors() failed")
# -mcpu= -> Unicorn's name
_CPUS = {
    "cortex-m0": "M0",
    "cortex-m0plus": "M0",  # the same instructions
    "cortex-m3": "M3",
    "cortex-m4": "M4",
    "cortex-m7": "M7",
    "cortex-m33": "M33",
}


class _Program:
    """A bare ELF whose functions can be called."""

    def __init__(self, elf: Path, cpu: str) -> None:
        import unicorn
        from unicorn import arm_const as arm

        self._arm = arm
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(getattr(arm, f"UC_CPU_ARM_CORTEX_{_CPUS[cpu]}"))
        self._error = unicorn.UcError
        for start, size in ((_ARENA, _LARGEST), (_STACK, _STACK_BYTES), (_END, _PAGE + 1)):
            self._uc.mem_map(start, size)
        data = elf.read_bytes()
        self._load(data)
        self.symbols = _symbols(elf)

    def _load(self, data: bytes) -> None:
        """The segments of an ELF32 file (ELF specification, chapter 2)."""
        (first,) = struct.unpack_from("<I", data, 28)
        size, count = struct.unpack_from("<2H", data, 42)
        pages = set()
        for number in range(count):
            kind, offset, address, _, in_file, in_memory = struct.unpack_from(
                "<6I", data, first + number * size
            )
            if kind != 1 or not in_memory:
                continue
            for page in range(address & ~_PAGE, address + in_memory, _PAGE + 1):
                if page not in pages:
                    self._uc.mem_map(page, _PAGE + 1)
                    pages.add(page)
            self._uc.mem_write(address, data[offset : offset + in_file])

    def call(self, name: str) -> int:
        """What function `name` returns, as int32."""
        arm, uc = self._arm, self._uc
        uc.reg_write(arm.UC_ARM_REG_SP, _STACK + _STACK_BYTES - 64)
        uc.reg_write(arm.UC_ARM_REG_LR, _END | 1)
        try:
            uc.emu_start(self.symbols[name] | 1, _END, timeout=_TIMEOUT_US)
        except self._error as error:
            at = uc.reg_read(arm.UC_ARM_REG_PC)
            raise UserError(f"measuring the arena: {name}() at {at:#x}: {error}") from error
        if uc.reg_read(arm.UC_ARM_REG_PC) != _END:
            raise UserError(f"measuring the arena: {name}() did not come back")
        value = uc.reg_read(arm.UC_ARM_REG_R0)
        return value - (1 << 32) if value >> 31 else value


def _symbols(elf: Path) -> dict[str, int]:
    """Functions and their addresses."""
    told = subprocess.run(
        ["arm-none-eabi-nm", str(elf)], capture_output=True, text=True, check=True
    ).stdout
    fields = (line.split() for line in told.splitlines())
    return {f[2]: int(f[0], 16) & ~1 for f in fields if len(f) == 3 and f[1] in "tT"}


def _cpu(command: Sequence[str]) -> str:
    cpu = next((w.removeprefix("-mcpu=") for w in command if w.startswith("-mcpu=")), "none")
    if cpu not in _CPUS:
        raise UserError(f"measuring the arena: no model of {cpu}: take the compiled engine")
    return cpu


def _probe(command: Sequence[str], size: int, folder: Path) -> Path:
    """Link network and engine of the firmware's link `command` to nothing but libc."""
    machine = [w for w in command if w.startswith(("-mcpu", "-mthumb", "-mfloat", "-mfpu"))]
    objects = [w for w in command if w.endswith(".o") and Path(w).parent.name == "model"]
    archives = [w for w in command if w.endswith(".a") or w.startswith(("-L", "-l"))]
    program = folder / "probe.elf"
    done = subprocess.run(
        [
            command[0],
            *machine,
            "-nostartfiles",
            "--specs=nosys.specs",
            "-Wl,--gc-sections,--no-warnings",
            "-Wl,-e,nn_init,-u,nn_invoke,-u,nn_input,-u,nn_output,-u,nn_tflm_used",
            f"-Wl,--defsym=nn_tflm_arena={_ARENA:#x},--defsym=nn_tflm_arena_bytes={size:#x}",
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
        program = _Program(_probe(command, size, Path(folder)), _cpu(command))
        if failed := program.call("nn_init"):
            return failed, 0
        return program.call("nn_invoke"), program.call("nn_tflm_used")


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
    machine = [w for w in command if w.startswith(("-mcpu", "-mthumb", "-mfloat", "-mfpu"))]
    source = f""".section .bss.nn_tflm_arena, "aw", %nobits
.balign {_ALIGNMENT}
.global nn_tflm_arena
nn_tflm_arena: .space {size}
.global nn_tflm_arena_bytes
.set nn_tflm_arena_bytes, {size}
"""
    subprocess.run(
        [command[0], *machine, "-c", "-x", "assembler", "-", "-o", str(target)],
        input=source,
        text=True,
        check=True,
    )
    return str(target), size
