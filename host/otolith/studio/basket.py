"""Clips that were removed or cut: kept in the project until they are put back, or long gone."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from otolith.data import metadata
from otolith.data.adding import batch
from otolith.data.collected import remove as remove_rows
from otolith.data.metadata import Row
from otolith.data.names import inside
from otolith.errors import UserError
from otolith.files import disk_errors, make_folder, replacing, write_text
from otolith.studio.projects import Project

KEPT = 20  # changes that can be undone


def _folder(project: Project, id: str) -> Path:
    folder = project.state / "removed" / id
    if not id.replace("-", "").isalnum() or not (folder / "rows.json").is_file():
        raise UserError("this can't be undone any more: it was too long ago")
    return folder


def keep_copies(project: Project, files: list[str]) -> str:
    """Copy clips and their rows.

    Args:
        project: The project.
        files: Paths as in metadata.csv.

    Returns:
        What put_back() takes.

    Raises:
        UserError: A file has no row, or the disk can't be written.
    """
    known = project.rows().by_file()
    missing = [file for file in files if file not in known]
    if missing:
        raise UserError(f"{missing[0]}: is not in the dataset any more: reload the page")
    top = project.state / "removed"
    id = f"{datetime.now(timezone.utc):%Y%m%d%H%M%S%f}-{secrets.token_hex(3)}"
    folder = make_folder(top / id)
    with disk_errors(folder):
        for number, file in enumerate(files):
            path = inside(project.dataset, file)
            if path.is_file() and not path.is_symlink():
                shutil.copyfile(path, folder / f"{number:06}.wav")
    write_text(folder / "rows.json", json.dumps([asdict(known[file]) for file in files]))
    for old in sorted(top.iterdir())[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return id


def remove(project: Project, files: list[str]) -> str:
    """Remove clips and their rows. Returns what put_back() takes. Raises UserError."""
    id = keep_copies(project, files)
    remove_rows(project.dataset, files)
    return id


def put_back(project: Project, id: str) -> list[str]:
    """Undo a change.

    Clips that are gone are added again; clips that are still there get their old sound.

    Returns:
        The paths of the clips.

    Raises:
        UserError: There is no such change any more, or the disk can't be written.
    """
    folder = _folder(project, id)
    rows = [Row(**fields) for fields in json.loads((folder / "rows.json").read_text("utf-8"))]
    known = project.rows().by_file()
    found = []
    with batch(project.dataset) as clips:
        for number, row in enumerate(rows):
            sound = folder / f"{number:06}.wav"
            if not sound.is_file():
                continue
            found.append(row.file)
            if row.file in known:
                path = inside(project.dataset, row.file)
                with metadata.lock(project.dataset), replacing(path) as temporary:
                    shutil.copyfile(sound, temporary)
            else:
                clips.take(sound, row)
        clips.save()
    shutil.rmtree(folder, ignore_errors=True)
    return found
