"""Boards that QEMU emulates: Arm's MPS2 with a Cortex-M4 or a Cortex-M33."""

from otolith.virtual.qemu.board import NS_AN_INSTRUCTION_LOG2, VirtualMps2

__all__ = ["NS_AN_INSTRUCTION_LOG2", "VirtualMps2"]
