"""Chooses clips by label or file name."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from otolith.data.metadata import Metadata, Row
from otolith.errors import UserError, shown


def pick(rows: Metadata, dataset: Path, names: Iterable[str]) -> list[Row]:
    """Choose rows by label or file.

    Args:
        rows: The rows of the dataset.
        dataset: Folder of the dataset.
        names: Labels or file names, which may contain the wildcards * and ? and may begin with the
            path of the dataset.

    Returns:
        The rows, each once.

    Raises:
        UserError: A name is neither a label nor a file.
    """
    found: dict[str, Row] = {}
    for name in names:
        below = name
        if not Path(name).is_absolute() and Path(name).parts[: len(dataset.parts)] == dataset.parts:
            below = Path(*Path(name).parts[len(dataset.parts) :]).as_posix()
        some = [row for row in rows.rows if row.label == name] or [
            row for row in rows.rows if fnmatchcase(row.file, below)
        ]
        if not some:
            raise UserError(f"{shown(name)}: no label and no clip of {shown(dataset)}")
        found |= {row.file: row for row in some}
    return list(found.values())
