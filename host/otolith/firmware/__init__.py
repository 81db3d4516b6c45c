"""Firmware images: building them with PlatformIO, and their size by part."""
