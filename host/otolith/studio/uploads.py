"""Files that the page sends. They wait in a folder of the project until a job imports them."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from otolith.audio import SOUNDS
from otolith.data.names import inside
from otolith.errors import UserError, short, shown
from otolith.files import disk_errors, make_folder
from otolith.studio.projects import Project

MOST_FILE = 1 << 30  # bytes
MOST_FILES = 20_000
OLD_S = 24 * 3600  # uploads that nobody imported are removed
TABLES = (".csv", ".tsv", ".txt")  # label tables beside the sounds
TAKEN = (*SOUNDS, *TABLES, ".zip")


def begin(project: Project) -> str:
    """Make a folder for files. Returns its name."""
    top = project.state / "uploads"
    make_folder(top)
    for old in top.iterdir():
        if time.time() - old.stat().st_mtime > OLD_S:
            shutil.rmtree(old, ignore_errors=True)
    name = secrets.token_hex(8)
    make_folder(top / name)
    return name


def folder_of(project: Project, name: str) -> Path:
    """The folder of an upload. Raises UserError if there is none."""
    folder = project.state / "uploads" / name
    if not name.isalnum() or not name.isascii() or not folder.is_dir():
        raise UserError("the upload is gone: drop the files again")
    return folder


def path_of(folder: Path, name: str) -> Path:
    """Where a file of an upload goes.

    Args:
        folder: Of the upload.
        name: Path that the browser gives, with /.

    Raises:
        UserError: It leads out of the folder, or is of no kind that is imported.
    """
    path = PurePosixPath(name)
    if path.suffix.lower() not in TAKEN:
        raise UserError(f"{short(shown(name))}: no sound, table or zip: left out")
    if any(part.startswith(".") for part in path.parts) or len(path.parts) > 16:
        raise UserError(f"{short(shown(name))}: hidden: left out")
    return inside(folder, name)


async def receive(path: Path, parts: AsyncIterator[bytes]) -> int:
    """Write a file as it comes. Returns its bytes; nothing stays of one that breaks off."""
    make_folder(path.parent)
    size = 0
    with disk_errors(path), path.open("xb") as file:
        try:
            async for part in parts:
                size += file.write(part)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return size
