"""Makes the main loop of a virtual Cortex-M jump or hang."""

from collections.abc import Iterator
from contextlib import contextmanager

LOOP = b"\x30\xbf\xfd\xe7"  # wfi; branch back. A loop without wfi would take long to emulate.
_STEPS = 100_000


def _between_interrupts(core) -> None:
    """Run until the main loop has interrupts enabled."""
    regs = core.registers
    for _ in range(_STEPS):
        busy = core.uc.reg_read(regs.UC_ARM_REG_IPSR) | core.uc.reg_read(regs.UC_ARM_REG_PRIMASK)
        if not busy & 0x1FF:
            return
        core.run_ns(1e3)
    raise AssertionError("the main loop never has interrupts on")


def jump(core, address: int) -> int:
    """Make the main loop continue at `address`. Returns where it was."""
    _between_interrupts(core)
    before = core.pc
    core.uc.reg_write(core.registers.UC_ARM_REG_PC, address | 1)
    return before


def hang(core, free: int) -> int:
    """Make the main loop hang at `free`, an unused RAM address. Returns where it was."""
    core.write(free, LOOP)
    return jump(core, free)


@contextmanager
def stuck(core, free: int) -> Iterator[None]:
    """Make the main loop hang for the duration of the context."""
    before = hang(core, free)
    yield
    _between_interrupts(core)
    assert core.pc & ~3 == free, "it did not stay there"
    core.uc.reg_write(core.registers.UC_ARM_REG_PC, before | 1)
