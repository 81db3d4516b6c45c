"""A Raspberry Pi Pico, or another RP2040 board, in rp2040js."""

from otolith.virtual.rp2040.pico import PdmMargin, PdmTiming, VirtualPico

__all__ = ["PdmMargin", "PdmTiming", "VirtualPico"]
