"""A debug probe (CMSIS-DAP, J-Link, ...), with pyOCD."""

from __future__ import annotations

from otolith.deploy.upload.job import Job, find, run

CONNECT = "connect its debugger's USB port, with pyOCD installed (pip install pyocd)"
_NO_PROBE = "No available debug probes"


def upload(job: Job) -> str | None:
    image, program = job.image("hex"), find("pyocd")
    if program is None or _NO_PROBE in run([program, "list"], "pyocd"):
        return None
    run([program, "flash", "-t", job.setting("pyocd_target"), str(image)], "pyocd")
    return "flashed by pyOCD"
