"""Calls single functions of a linked program on a bare core, without a chip around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from otolith.errors import UserError
from otolith.virtual.cortex.image import Image

FREE = (0x70000000, 8 << 20)  # memory for the caller, where no program lies
_STACK, _STACK_BYTES = 0x60000000, 1 << 16
_END = 0x1FFFF000  # where functions return to; code may run there
_PAGE = 0x1000
_TIMEOUT_US = 300_000_000
# -mcpu= -> Unicorn's name
_CPUS = {
    "cortex-m0": "M0",
    "cortex-m0plus": "M0",  # the same instructions
    "cortex-m3": "M3",
    "cortex-m4": "M4",
    "cortex-m7": "M7",
    "cortex-m33": "M33",
}

Edges = Counter[tuple[int, int, int]]  # (block, its bytes, block after it) -> times


class Program:
    """An ELF file, loaded at its own addresses. No start-up code runs."""

    def __init__(self, elf: Path, cpu: str) -> None:
        """Load the file; `cpu` is named as in -mcpu=. UserError if the CPU is not modelled."""
        import unicorn
        from unicorn import arm_const as arm

        if cpu not in _CPUS:
            raise UserError(f"no model of {cpu}")
        self._arm = arm
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(getattr(arm, f"UC_CPU_ARM_CORTEX_{_CPUS[cpu]}"))
        self._error = unicorn.UcError
        self._ended: list[Callable[[], None]] = []
        for start, size in (FREE, (_STACK, _STACK_BYTES), (_END, _PAGE)):
            self.uc.mem_map(start, size)
        self.image = Image.read(elf)
        low = min(at for at, _ in self.image.parts) & -_PAGE
        high = max(self.image.symbol("_end"), *(at + len(d) for at, d in self.image.parts))
        self.uc.mem_map(low, (high - low + _PAGE - 1) & -_PAGE)
        for at, data in self.image.parts:
            self.uc.mem_write(at, data)

    def call(self, name: str, *arguments: int) -> int:
        """Call function `name` and return its result, as int32; UserError if it does not return."""
        arm, uc = self._arm, self.uc
        for number, value in enumerate(arguments):
            uc.reg_write(arm.UC_ARM_REG_R0 + number, value)
        uc.reg_write(arm.UC_ARM_REG_SP, _STACK + _STACK_BYTES - 64)
        uc.reg_write(arm.UC_ARM_REG_LR, _END | 1)
        try:
            uc.emu_start(self.image.symbol(name) | 1, _END, timeout=_TIMEOUT_US)
        except self._error as error:
            at = uc.reg_read(arm.UC_ARM_REG_PC)
            raise UserError(f"{name}() failed at {at:#x}: {error}") from error
        if uc.reg_read(arm.UC_ARM_REG_PC) != _END:
            raise UserError(f"{name}() did not come back")
        for ended in self._ended:
            ended()
        value = uc.reg_read(arm.UC_ARM_REG_R0)
        return value - (1 << 32) if value >> 31 else value

    def trace(
        self, mark: str | None = None, marked: Callable[[int, Edges], None] | None = None
    ) -> Edges:
        """Count blocks from now on, each with the block that came after. At each call of function
        `mark`, marked(its argument, what was counted so far) may take and clear the count."""
        import unicorn

        edges: Edges = Counter()
        before = [0, 0]
        at_mark = self.image.symbol(mark) & ~1 if mark else None
        r0 = self._arm.UC_ARM_REG_R0

        def block(uc: unicorn.Uc, address: int, size: int, _: object) -> None:
            edges[before[0], before[1], address] += 1
            if marked and address == at_mark:
                marked(uc.reg_read(r0), edges)
            before[:] = address, size

        def ended() -> None:
            edges[before[0], before[1], _END] += 1
            before[:] = 0, 0

        self.uc.hook_add(unicorn.UC_HOOK_BLOCK, block)
        self._ended.append(ended)
        return edges
