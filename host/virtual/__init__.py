"""Boards that run firmware images exactly as flashed: a Raspberry Pi Pico, and two in QEMU."""

from host.virtual.pico import VirtualPico
from host.virtual.qemu import VirtualUart

__all__ = ["VirtualPico", "VirtualUart"]
