"""What pip alone can't bring: toolchain, SDK sources, emulator. One part, one entry in PARTS."""
