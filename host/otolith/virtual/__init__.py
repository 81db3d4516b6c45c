"""Boards that run firmware images exactly as flashed: a Raspberry Pi Pico, and two in QEMU."""

from otolith.virtual.qemu import VirtualUart
from otolith.virtual.rp2040.pico import VirtualPico

__all__ = ["VirtualPico", "VirtualUart"]
