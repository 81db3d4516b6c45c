"""Calls functions of lib/, compiled for the Cortex-M0+, one at a time in Unicorn."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import unicorn
from unicorn import arm_const as arm

from otolith.native.sources import lib

CODE, DATA, HEAP, STACK, END = 0x10000, 0x80000, 0x100000, 0x1F0000, 0x200000
SCRIPT = Path(__file__).resolve().parent / "qemu" / "bare.ld"


class Core:
    """A core with one library of lib/ in its memory."""

    def __init__(self, name: str, more: str = "") -> None:
        """Load library `name`; `more` is C source to compile into the image as well."""
        sources = lib(name)
        assembly = [s for f in sources.files for s in f.parent.glob("*.S")]
        folder = Path(tempfile.mkdtemp(prefix="otolith-"))
        image = folder / "image.elf"
        command = ["arm-none-eabi-gcc", "-std=c11", "-O3", "-mcpu=cortex-m0plus", "-mthumb"]
        command += [f"-I{path}" for path in sources.include]
        command += ["-nostartfiles", "--specs=nosys.specs", f"-T{SCRIPT}", "-Wl,-e,0"]
        command += [f"-Wl,--defsym=CODE={CODE},--defsym=DATA={DATA}"]
        (folder / "more.c").write_text(more)
        files = map(str, dict.fromkeys((*sources.files, *assembly, folder / "more.c")))
        subprocess.run([*command, *files, "-o", str(image)], check=True)
        flat = folder / "image.bin"
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", image, flat], check=True)
        names = subprocess.run(
            ["arm-none-eabi-nm", image], capture_output=True, text=True, check=True
        ).stdout
        self.symbols = {line.split()[-1]: int(line.split()[0], 16) for line in names.splitlines()}
        self.machine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self.machine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M0)
        self.machine.mem_map(0, END)
        self.machine.mem_write(CODE, flat.read_bytes())
        self.free()

    def free(self) -> None:
        """Free all memory that `put` allocated."""
        self.at = HEAP

    def put(self, values: np.ndarray) -> int:
        """Copy values into the core's memory and return their address."""
        where, raw = self.at, np.ascontiguousarray(values).tobytes()
        assert where + len(raw) < STACK - 0x8000
        self.machine.mem_write(where, raw)
        self.at += -(-len(raw) // 8) * 8
        return where

    def get(self, where: int, count: int, dtype: type) -> np.ndarray:
        return np.frombuffer(
            self.machine.mem_read(where, count * np.dtype(dtype).itemsize), dtype
        ).copy()

    def call(self, name: str, *arguments: int) -> int:
        """Call a function with word arguments and return r0."""
        rest = np.array(arguments[4:], "<u4").tobytes()
        stack = STACK - (len(rest) + 7) // 8 * 8
        self.machine.mem_write(stack, rest)
        for register, value in zip(range(4), arguments, strict=False):
            self.machine.reg_write(arm.UC_ARM_REG_R0 + register, value & 0xFFFFFFFF)
        kept = [0x11111111 * i for i in range(4, 12)]  # r4 to r11: a function must preserve them
        for register, value in zip(range(4, 12), kept, strict=True):
            self.machine.reg_write(arm.UC_ARM_REG_R0 + register, value)
        self.machine.reg_write(arm.UC_ARM_REG_SP, stack)
        self.machine.reg_write(arm.UC_ARM_REG_LR, CODE - 0x100 + 1)
        self.machine.emu_start(self.symbols[name] | 1, CODE - 0x100)
        assert [self.machine.reg_read(arm.UC_ARM_REG_R0 + i) for i in range(4, 12)] == kept
        assert self.machine.reg_read(arm.UC_ARM_REG_SP) == stack
        return self.machine.reg_read(arm.UC_ARM_REG_R0)
