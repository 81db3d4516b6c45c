"""A J-Link, with SEGGER's J-Link Commander."""

from __future__ import annotations

from otolith.deploy.upload.job import Job, find, run
from otolith.errors import UserError

IMAGE = "hex"
CONNECT = "connect a J-Link, with SEGGER's J-Link software installed"
_NO_PROBE = ("Cannot connect to J-Link", "Connecting to J-Link via USB...FAILED")


def upload(job: Job) -> str | None:
    image, program = job.image(IMAGE), find("JLinkExe", "JLink")
    if program is None:
        return None
    command = [program, "-NoGui", "1", "-ExitOnError", "1", "-device", job.setting("jlink_device")]
    command += ["-if", "SWD", "-speed", "4000", "-autoconnect", "1"]
    script = f"r\nloadfile {image}\nr\ng\nexit\n"
    try:
        told = run(command, "J-Link", script)
    except UserError as error:
        if any(words in error.message for words in _NO_PROBE):
            return None
        raise
    if any(words in told for words in _NO_PROBE):
        return None
    return "flashed by J-Link"
