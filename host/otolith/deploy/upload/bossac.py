"""Arduino's boot loader on the Nano 33 BLE, with the bossac of Arduino's tools (it knows -U)."""

from __future__ import annotations

from otolith.deploy.upload.job import Job, find, run

IMAGE = "bin"
CONNECT = (
    "press its reset button twice and name its port with --upload-port, with Arduino's bossac "
    "installed"
)


def upload(job: Job) -> str | None:
    """Send the image to the boot loader, which writes it behind itself, at 64 kB."""
    image, program = job.image(IMAGE), find("bossac")
    if program is None or job.port is None:
        return None
    command = [program, "-d", f"--port={job.port}", "-U", "-i", "-e", "-w", str(image), "-R"]
    run(command, "bossac")
    return f"sent to {job.port} by bossac"
