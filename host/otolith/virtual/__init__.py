"""Boards that run firmware images exactly as flashed: a Raspberry Pi Pico, and two in QEMU."""

from otolith.virtual.pico import VirtualPico
from otolith.virtual.qemu import VirtualUart

__all__ = ["VirtualPico", "VirtualUart"]
