"""A virtual Raspberry Pi Pico that runs firmware images exactly as flashed."""

from host.virtual.pico import VirtualPico

__all__ = ["VirtualPico"]
