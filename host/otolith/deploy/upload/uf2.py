"""Copying a UF2 file to the drive of Adafruit's boot loader."""

from __future__ import annotations

import time

from otolith.deploy import bootsel
from otolith.deploy.upload.job import Job

CONNECT = "plug it in and press its reset button twice, or name its port with --upload-port"


def upload(job: Job) -> str | None:
    """Copy the image to the drive whose INFO_UF2.TXT names upload.uf2_board."""
    image, name = job.image("uf2"), job.setting("uf2_board")
    if job.port:
        bootsel.ask_for_bootsel(job.port)
    deadline = time.monotonic() + (bootsel.APPEAR_SECONDS if job.port else 0)
    while (drive := bootsel.find_drive(name=name)) is None:
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.5)
    bootsel.copy(image, drive)
    return f"copied to {drive}"
