"""Runs the linker. If the image does not fit, prints by how much in one line.

On the RP2040, code that runs in every hop lies in RAM (pico_sdk.py). Where RAM is too small for
that, the image is linked again with this code in flash.

Usage: link.py BOARD COMMAND...

The image and its map replace earlier ones only when linking succeeds.
"""

import os
import re
import subprocess
import sys

OVERFLOW = re.compile(r"region [`'](\w+)' overflowed by (\d+) bytes")
NEW, MAP = ".new", "-Wl,-Map="
PARTS = {"FLASH": "flash", "RAM": "RAM"}
SCRIPT, IN_FLASH = "memmap.ld", "memmap_flash.ld"


def explain(board: str, output: str) -> str | None:
    """A line about an image that does not fit, or None for any other error."""
    over = {name: int(count) for name, count in OVERFLOW.findall(output)}
    if not over:
        return None
    much = " and ".join(f"{count:,} bytes of {PARTS.get(n, n)}" for n, count in over.items())
    return f"Error: the image is too big for {board} by {much}: use a smaller model or board"


def redirected(command: list[str]) -> tuple[list[str], list[str]]:
    """The command with temporary names for its outputs, and the original names."""
    outputs = []
    changed = list(command)
    for i, word in enumerate(command):
        if i and command[i - 1] == "-o":
            outputs.append(word)
            changed[i] = word + NEW
        elif word.startswith(MAP):
            outputs.append(word[len(MAP) :])
            changed[i] = word + NEW
    return changed, outputs


def in_flash(command: list[str], output: str) -> list[str] | None:
    """The command with all code in flash, if RAM is too small and that may help."""
    script = next((word[2:] for word in command if word.endswith(f"/{SCRIPT}")), "")
    other = os.path.join(os.path.dirname(script), IN_FLASH)
    if "RAM" not in dict(OVERFLOW.findall(output)) or not os.path.exists(other):
        return None
    return [f"-T{other}" if word == f"-T{script}" else word for word in command]


def main() -> int:
    board, *command = sys.argv[1:]
    command, outputs = redirected(command)
    done = subprocess.run(command, text=True, stderr=subprocess.PIPE)
    slower = in_flash(command, done.stderr) if done.returncode else None
    if slower:
        done = subprocess.run(slower, text=True, stderr=subprocess.PIPE)
        if done.returncode == 0:
            print("The model needs much RAM: code stays in flash, which takes more time a hop.")
    if done.returncode:
        sys.stderr.write((explain(board, done.stderr) or done.stderr).rstrip() + "\n")
    else:
        sys.stderr.write(done.stderr)
    for output in outputs:
        if done.returncode == 0:
            os.replace(output + NEW, output)
        elif os.path.exists(output + NEW):
            os.remove(output + NEW)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
