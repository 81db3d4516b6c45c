"""Virtual boards: they run firmware images exactly as flashed.

    with boot("firmware.elf", "nrf52840_dk") as board:
        board.play(pcm)
        board.run_ms(1000)
        print(board.read())

A chip is a folder with a class that follows the protocol VirtualBoard, and one line in
registry.FAMILIES: rp2040 (rp2040js), nrf52840 and efr32mg24 (register models on a Cortex-M in
Unicorn, whose core is in cortex), qemu (Arm's MPS2 boards).
"""

from otolith.virtual.board import BoardEvent, VirtualBoard
from otolith.virtual.registry import boot, class_for, emulated

__all__ = ["BoardEvent", "VirtualBoard", "boot", "class_for", "emulated"]
