"""Upload methods: ways to get an image onto a board, one file each.

A board lists its methods in upload.protocols of its JSON file, the preferred one first. A method is
a module of this package whose name stands in METHODS. It has

    CONNECT: str                        what to connect, for the message when nothing was found
    def upload(job: Job) -> str | None  says what was done. None: its tool or the board is missing.
                                        UserError: both are present, and the upload failed
"""

from __future__ import annotations

import importlib
from pathlib import Path

from otolith.deploy.upload.job import Job
from otolith.device.boards import named
from otolith.errors import UserError

METHODS = ("uf2", "picotool", "nrfutil", "bossac", "pyocd", "jlink", "commander")


def upload(board: str, folder: Path, port: str | None = None) -> str:
    """Upload an image with the board's first method whose tool and board are present.

    Args:
        board: name of a board in boards/.
        folder: where firmware.* were built.
        port: serial port of the board, which runs Otolith or its boot loader.

    Returns:
        What was done, for the terminal.

    Raises:
        UserError: no method can be used (the message says what to connect), or the upload failed.
    """
    about = named(board)
    wanted = about.upload.protocols
    unknown = [name for name in wanted if name not in METHODS]
    if unknown or not wanted:
        raise UserError(
            f"{board}: upload.protocols: {', '.join(unknown) or 'none'}: "
            f"write some of {', '.join(METHODS)}"
        )
    job = Job(about, folder, port)
    modules = [importlib.import_module(f"otolith.deploy.upload.{name}") for name in wanted]
    for module in modules:
        if (done := module.upload(job)) is not None:
            return done
    raise UserError(f"no {about.name} found: " + "; or ".join(m.CONNECT for m in modules))


__all__ = ["METHODS", "Job", "upload"]
