"""Ways to get a virtual Cortex-M's main loop into trouble."""

from collections.abc import Iterator
from contextlib import contextmanager

LOOP = b"\x30\xbf\xfd\xe7"  # wfi; b back to it: busy to the end, it would take long here
_STEPS = 100_000


def _between_interrupts(core) -> None:
    """Run to where the main loop has interrupts on."""
    regs = core.registers
    for _ in range(_STEPS):
        busy = core.uc.reg_read(regs.UC_ARM_REG_IPSR) | core.uc.reg_read(regs.UC_ARM_REG_PRIMASK)
        if not busy & 0x1FF:
            return
        core.run_ns(1e3)
    raise AssertionError("the main loop never has interrupts on")


def jump(core, address: int) -> int:
    """Let the main loop go on somewhere else; where it was."""
    _between_interrupts(core)
    before = core.pc
    core.uc.reg_write(core.registers.UC_ARM_REG_PC, address | 1)
    return before


def hang(core, free: int) -> int:
    """The main loop hangs at `free`, RAM nobody uses; where it was."""
    core.write(free, LOOP)
    return jump(core, free)


@contextmanager
def stuck(core, free: int) -> Iterator[None]:
    """It hangs for a while."""
    before = hang(core, free)
    yield
    _between_interrupts(core)
    assert core.pc & ~3 == free, "it did not stay there"
    core.uc.reg_write(core.registers.UC_ARM_REG_PC, before | 1)
