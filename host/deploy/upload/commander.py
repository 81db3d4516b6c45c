"""Silicon Labs' kits, by Simplicity Commander."""

from __future__ import annotations

from host.deploy.upload.job import Job, find, run
from host.errors import UserError

CONNECT = "connect the kit's USB port, with Simplicity Commander installed"
_NO_PROBE = ("No emulator", "Unable to connect", "no J-Link")


def upload(job: Job) -> str | None:
    image, program = job.image("hex"), find("commander", "commander-cli")
    if program is None:
        return None
    try:
        command = [program, "flash", str(image), "--device", job.setting("commander_device")]
        run(command, "Simplicity Commander")
    except UserError as error:
        if any(words in error.message for words in _NO_PROBE):
            return None
        raise
    return "flashed by Simplicity Commander"
