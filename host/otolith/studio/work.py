"""What jobs do. Each function runs in a process of its own (worker.py).

They call the functions that the commands call. Their progress and what they print become events
and the log of the job.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from otolith.audio import SOUNDS
from otolith.data.fetch.unpack import unpack
from otolith.data.importing import Imported, Wanted, import_items
from otolith.data.layouts import Item, items_of
from otolith.data.pieces import sources_of
from otolith.errors import UserError
from otolith.settings.data import DATASET
from otolith.studio.uploads import TABLES

Options = dict[str, Any]


def import_(project: Path, options: Options) -> Options:
    """Import files that were uploaded into the dataset, as `host data import` does."""
    folder = Path(options["folder"])
    label = str(options["label"])
    try:
        for archive in sorted(folder.rglob("*.zip")):
            into = archive.with_suffix("")
            into.mkdir(exist_ok=True)
            unpack(archive, into, _is_wanted)
            archive.unlink()
        result = Imported()
        items = _items(folder, label, result)
        if not items:
            problems = "; ".join(result.problems[:3])
            raise UserError(problems or "no sound files in it: drop WAV, MP3, M4A, FLAC, Ogg, ...")
        import_items(items, project / DATASET, Wanted(label=label, set="", seconds=None), result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "files": result.files,
        "clips": result.clips,
        "already": result.already,
        "problems": result.problems,
        "labels": sorted({item.label for item in items}),
    }


def _is_wanted(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.suffix.lower() in (*SOUNDS, *TABLES)


def _items(folder: Path, label: str, result: Imported) -> list[Item]:
    """The files below a folder. A folder that holds nothing but one other stands for that one."""
    inner = list(folder.iterdir())
    while len(inner) == 1 and inner[0].is_dir() and any(c.is_dir() for c in inner[0].iterdir()):
        folder = inner[0]
        inner = list(folder.iterdir())
    if not label and any(f.suffix.lower() in SOUNDS for f in inner) and not _has_table(inner):
        raise UserError("say which sound these files are: drop them on its row")
    items, _ = items_of(folder, "auto", label, None, result.report)
    pieces = sources_of([(item.path.stem, item.label) for item in items], print)
    return [
        item if item.source or not source else replace(item, source=source)
        for item, source in zip(items, pieces, strict=True)
    ]


def _has_table(files: list[Path]) -> bool:
    return any(file.suffix.lower() in TABLES for file in files)
