"""A debug probe (CMSIS-DAP, J-Link, ...), with pyOCD."""

from __future__ import annotations

from otolith.deploy.upload.job import Job, find, run
from otolith.errors import UserError
from otolith.untrusted import load_json

IMAGE = "hex"
CONNECT = "connect its debugger's USB port, with pyOCD installed (pip install pyocd)"
_NO_PROBE = "No available debug probes"


def probes() -> list[str]:
    """The debug probes that pyOCD sees, a line each. Empty without pyOCD."""
    program = find("pyocd")
    if program is None:
        return []
    try:
        told = run([program, "json", "--probes"], "pyocd")
        found = load_json(told[told.index("{") :])
        return [f"{p['product_name']} {p['unique_id']}" for p in found["boards"]]
    except (UserError, ValueError, KeyError, TypeError):
        return []


def upload(job: Job) -> str | None:
    image, program = job.image(IMAGE), find("pyocd")
    if program is None or _NO_PROBE in run([program, "list"], "pyocd"):
        return None
    options = [f"-O{each}" for each in job.board.upload.settings.get("pyocd_options", "").split()]
    run([program, "flash", *options, "-t", job.setting("pyocd_target"), str(image)], "pyocd")
    return "flashed by pyOCD"
