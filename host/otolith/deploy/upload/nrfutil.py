"""Adafruit's boot loader over its serial port: adafruit-nrfutil sends a DFU package."""

from __future__ import annotations

from otolith.deploy.upload.job import Job, find, run

IMAGE = "zip"
CONNECT = "name its boot loader's port with --upload-port, with adafruit-nrfutil installed"
_BAUD = "115200"


def upload(job: Job) -> str | None:
    """Send the DFU package.

    The port belongs to the boot loader: the user has pressed reset twice, or sent `bootsel`.
    """
    package, program = job.image(IMAGE), find("adafruit-nrfutil")
    if program is None or job.port is None:
        return None
    command = [program, "dfu", "serial", "--package", str(package)]
    run([*command, "-p", job.port, "-b", _BAUD, "--singlebank"], "adafruit-nrfutil")
    return f"sent to {job.port} by adafruit-nrfutil"
