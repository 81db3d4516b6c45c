"""Ways to get an image onto a board, one a file; boards/*.json list theirs in upload.protocols.

A method is a module METHODS names, with

    CONNECT: str                        what to connect, for the message when nothing is
    def upload(job: Job) -> str | None  what was done; None: what it needs is not there.
                                        UserError: it is there, and it went wrong
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from otolith import paths
from otolith.deploy.upload.job import Job
from otolith.errors import UserError

METHODS = ("uf2", "nrfutil", "bossac", "pyocd", "jlink", "commander")


def upload(board: str, folder: Path, port: str | None = None) -> str:
    """Upload what was built in `folder` by the first of the board's methods whose tool and board
    are there; says how. port: of a board that runs Otolith or its boot loader."""
    about = json.loads((paths.BOARDS / f"{board}.json").read_text())
    wanted = about["upload"].get("protocols", [])
    unknown = [name for name in wanted if name not in METHODS]
    if unknown or not wanted:
        raise UserError(
            f"{board}: upload.protocols: {', '.join(unknown) or 'none'}: "
            f"write some of {', '.join(METHODS)}"
        )
    job = Job(board, about, folder, port)
    modules = [importlib.import_module(f"otolith.deploy.upload.{name}") for name in wanted]
    for module in modules:
        if (done := module.upload(job)) is not None:
            return done
    raise UserError(f"no {about['name']} found: " + "; or ".join(m.CONNECT for m in modules))


__all__ = ["METHODS", "Job", "upload"]
