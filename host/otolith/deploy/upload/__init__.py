"""Upload methods: ways to get an image onto a board, one file each.

A board lists its methods in upload.protocols of its JSON file, the preferred one first. A method is
a module of this package whose name stands in METHODS. It has

    IMAGE: str                          what it takes: firmware.<IMAGE> of the build folder
    CONNECT: str                        what to connect, for the message when nothing was found
    def upload(job: Job) -> str | None  says what was done. None: its tool or the board is missing.
                                        UserError: both are present, and the upload failed
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from otolith.deploy.upload.job import Job
from otolith.device.boards import Board, named
from otolith.errors import UserError

METHODS = ("uf2", "picotool", "nrfutil", "bossac", "pyocd", "jlink", "commander")


def _methods(board: Board) -> list[ModuleType]:
    """A board's methods, the preferred one first; UserError if one of its names is not known."""
    wanted = board.upload.protocols
    unknown = [name for name in wanted if name not in METHODS]
    if unknown or not wanted:
        raise UserError(
            f"{board.id}: upload.protocols: {', '.join(unknown) or 'none'}: "
            f"write some of {', '.join(METHODS)}"
        )
    return [importlib.import_module(f"otolith.deploy.upload.{name}") for name in wanted]


def image(board: str, folder: Path) -> Path:
    """The file in build folder `folder` that the board's preferred method takes; or UserError."""
    about = named(board)
    return Job(about, folder).image(_methods(about)[0].IMAGE)


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
    job, modules = Job(about, folder, port), _methods(about)
    for module in modules:
        if (done := module.upload(job)) is not None:
            return done
    raise UserError(f"no {about.name} found: " + "; or ".join(m.CONNECT for m in modules))


__all__ = ["METHODS", "Job", "image", "upload"]
