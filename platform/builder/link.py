"""Run the linker; say in one line by how much an image does not fit.

Usage: link.py BOARD COMMAND...
"""

import re
import subprocess
import sys

OVERFLOW = re.compile(r"region [`'](\w+)' overflowed by (\d+) bytes")
PARTS = {"FLASH": "flash", "RAM": "RAM"}


def explain(board: str, output: str) -> str | None:
    """The line for an image that does not fit, or None if that is not what went wrong."""
    over = {name: int(count) for name, count in OVERFLOW.findall(output)}
    if not over:
        return None
    much = " and ".join(f"{count:,} bytes of {PARTS.get(n, n)}" for n, count in over.items())
    return f"Error: the image is too big for {board} by {much}: use a smaller model or board"


def main() -> int:
    board, *command = sys.argv[1:]
    done = subprocess.run(command, text=True, stderr=subprocess.PIPE)
    if done.returncode:
        sys.stderr.write((explain(board, done.stderr) or done.stderr).rstrip() + "\n")
    else:
        sys.stderr.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
