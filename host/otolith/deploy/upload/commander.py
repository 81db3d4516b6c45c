"""Silicon Labs' kits, with Simplicity Commander."""

from __future__ import annotations

from otolith.deploy.upload.job import Job, find, run
from otolith.errors import UserError

IMAGE = "hex"
CONNECT = "connect the kit's USB port, with Simplicity Commander installed"
_NO_PROBE = ("No emulator", "Unable to connect", "no J-Link", "Could not open J-Link")


def upload(job: Job) -> str | None:
    """Flash the image, and set the kit's serial port to the console's baud rate.

    The port's default is 115,200 baud.
    """
    image, program = job.image(IMAGE), find("commander", "commander-cli")
    if program is None:
        return None
    try:
        command = [program, "flash", str(image), "--device", job.board.mcu.upper()]
        run(command, "Simplicity Commander")
    except UserError as error:
        if any(words in error.message for words in _NO_PROBE):
            return None
        raise
    baud = job.board.baud
    if baud:
        speed = ["--baudrate", str(baud), "--handshake", "none", "--store"]
        run([program, "vcom", "config", *speed], "Simplicity Commander")
    return "flashed by Simplicity Commander"
