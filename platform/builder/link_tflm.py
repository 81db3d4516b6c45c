"""Links images with TensorFlow Lite Micro, as link.py does, after measuring the arena.

Usage: link_tflm.py BOARD COMMAND...
"""

import sys

import link

from otolith.errors import UserError
from otolith.firmware.tflm_arena import arena_object


def main() -> int:
    board, *command = sys.argv[1:]
    try:
        arena, size = arena_object(command)
    except UserError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        return 1
    print(f"arena of TensorFlow Lite Micro, measured for this core: {size:,} bytes")
    sys.argv = [sys.argv[0], board, *command, arena]
    return link.main()


if __name__ == "__main__":
    sys.exit(main())
