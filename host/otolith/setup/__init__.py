"""Installs what pip can't: toolchain, SDK sources, emulator. A part is one entry in parts.PARTS."""
