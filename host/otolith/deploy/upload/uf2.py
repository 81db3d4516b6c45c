"""Copying a UF2 file to the drive of a boot loader: Adafruit's, or the boot ROM of an RP2040."""

from __future__ import annotations

import time

from otolith.deploy import bootsel
from otolith.deploy.upload.job import Job

IMAGE = "uf2"
CONNECT = (
    "plug it in and start its boot loader (press reset twice, or hold BOOTSEL while plugging it "
    "in), or name its port with --upload-port"
)


def upload(job: Job) -> str | None:
    """Copy the image to the drive whose INFO_UF2.TXT names upload.uf2_board."""
    image, name = job.image(IMAGE), job.setting("uf2_board")
    if job.port:
        bootsel.ask_for_bootsel(job.port)
    deadline = time.monotonic() + (bootsel.APPEAR_SECONDS if job.port else 0)
    while (drive := bootsel.find_drive(name=name)) is None:
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.5)
    bootsel.copy(image, drive)
    return f"copied to {drive}"
