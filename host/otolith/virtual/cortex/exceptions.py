"""Exception entry and return (Armv7-M ARM, B1.5.6 to B1.5.8)."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otolith.virtual.cortex.core import CortexM

_FLOATS_ACTIVE = 1 << 2  # CONTROL.FPCA; bit 3 is its secure brother
_SECURE_FLOATS = 1 << 3
_PROCESS_STACK = 1 << 1  # CONTROL.SPSEL
_NO_FLOATS, _THREAD, _PSP = 1 << 4, 1 << 3, 1 << 2  # EXC_RETURN
_THUMB, _PADDED, _NUMBER = 1 << 24, 1 << 9, 0x1FF  # XPSR
_EXC_RETURN = 0xFFFFFFE1
_FLOAT_WORDS = 16  # S0 to S15, two a register; FPSCR and a reserved word follow
_FLOATS = struct.Struct("<8Q2I")


def enter(core: CortexM, number: int) -> bool:
    """Push the frame and switch to handler mode, with LR = EXC_RETURN.

    Returns:
        False if there is no memory for the frame. Everything else happens all the same.
    """
    regs, uc = core.registers, core.uc
    control = uc.reg_read(regs.UC_ARM_REG_CONTROL)
    xpsr = uc.reg_read(regs.UC_ARM_REG_XPSR)
    stack = uc.reg_read(regs.UC_ARM_REG_SP)
    words = list(uc.reg_read_batch(_core_registers(regs)))  # type: ignore[attr-defined]
    floats = bool(control & _FLOATS_ACTIVE)
    size = 4 * (8 + (_FLOAT_WORDS + 2 if floats else 0))
    frame = (stack - size) & ~7
    words += [core.pc, xpsr & ~_PADDED | _THUMB | ((stack - size) & 4 and _PADDED)]
    data = struct.pack(f"<{len(words)}I", *words)
    if floats:
        data += _FLOATS.pack(*uc.reg_read_batch(_float_registers(regs)), 0)  # type: ignore[attr-defined]
    try:
        core.write(frame, data)
        stored = True
    except core.memory_error:
        stored = False
    thread = not xpsr & _NUMBER
    link = _EXC_RETURN
    link |= 0 if floats else _NO_FLOATS
    link |= _THREAD if thread else 0
    link |= _PSP if thread and control & _PROCESS_STACK else 0
    uc.reg_write(regs.UC_ARM_REG_SP, frame)
    uc.reg_write(regs.UC_ARM_REG_CONTROL, control & ~(_FLOATS_ACTIVE | _SECURE_FLOATS))
    uc.reg_write(regs.UC_ARM_REG_IPSR, number)  # handler mode: SP is MSP from here
    uc.reg_write(regs.UC_ARM_REG_XPSR, xpsr & 0xF80F0000 | _THUMB | number)  # no IT block
    uc.reg_write(regs.UC_ARM_REG_LR, link)
    return stored


def leave(core: CortexM, link: int) -> None:
    """Pop the frame that enter() pushed; `link` is EXC_RETURN."""
    regs, uc = core.registers, core.uc
    control = uc.reg_read(regs.UC_ARM_REG_CONTROL) & ~(_FLOATS_ACTIVE | _SECURE_FLOATS)
    floats = not link & _NO_FLOATS
    stack_register = regs.UC_ARM_REG_PSP if link & _PSP else regs.UC_ARM_REG_MSP
    frame = uc.reg_read(stack_register)
    words = struct.unpack("<8I", core.read(frame, 32))
    size = 32
    if floats:
        data = _FLOATS.unpack(core.read(frame + 32, _FLOATS.size))
        uc.reg_write_batch(list(zip(_float_registers(regs), data, strict=False)))  # type: ignore[attr-defined]
        size += 4 * (_FLOAT_WORDS + 2)
    pc, xpsr = words[6], words[7]
    if link & _THREAD:
        control = control & ~_PROCESS_STACK | (_PROCESS_STACK if link & _PSP else 0)
    uc.reg_write(regs.UC_ARM_REG_IPSR, xpsr & _NUMBER)
    uc.reg_write(
        regs.UC_ARM_REG_CONTROL, control | (_FLOATS_ACTIVE | _SECURE_FLOATS if floats else 0)
    )
    uc.reg_write(stack_register, frame + size + (4 if xpsr & _PADDED else 0))
    uc.reg_write_batch(list(zip(_core_registers(regs), words, strict=False)))  # type: ignore[attr-defined]
    uc.reg_write(regs.UC_ARM_REG_XPSR, xpsr & ~_PADDED)
    uc.reg_write(core.registers.UC_ARM_REG_PC, pc | 1)


@cache
def _core_registers(regs: object) -> list[int]:
    names = ("R0", "R1", "R2", "R3", "R12", "LR")
    return [getattr(regs, f"UC_ARM_REG_{name}") for name in names]


@cache
def _float_registers(regs: object) -> list[int]:
    names = [*(f"D{i}" for i in range(_FLOAT_WORDS // 2)), "FPSCR"]
    return [getattr(regs, f"UC_ARM_REG_{name}") for name in names]
