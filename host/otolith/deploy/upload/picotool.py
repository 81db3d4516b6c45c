"""picotool: loads an image over USB where the boot ROM's drive is not mounted."""

from __future__ import annotations

from otolith.deploy import bootsel
from otolith.deploy.upload.job import Job

IMAGE = "uf2"
CONNECT = "hold its BOOTSEL button while plugging it in"


def upload(job: Job) -> str | None:
    """Load the image and start it. An RP2040 or RP2350 must be in BOOTSEL mode."""
    return bootsel.by_picotool(job.image(IMAGE))
