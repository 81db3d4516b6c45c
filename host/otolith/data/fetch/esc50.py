"""ESC-50: environmental sounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from otolith.data.fetch.base import Archive, Collection, Wanted, only_folder
from otolith.data.layouts import Item, items_of

_SETS = {"4": "validate", "5": "test"}  # folds; the others train


class Esc50(Collection):
    """Sources are Freesound's clips. Folds 1 to 3 train, 4 validates, 5 tests."""

    name = "esc-50"
    about = "2,000 clips of 50 classes of environmental sounds, 5 s each, in 5 folds"
    licence = "CC BY-NC 3.0; its subset ESC-10 CC BY 3.0; credits in its LICENSE file"
    page = "https://github.com/karolpiczak/ESC-50"
    source = "soundata's loader (MD5 of the archive of the branch master)"
    files = (
        Archive(
            "ESC-50-master.zip",
            (
                "https://github.com/karolpiczak/ESC-50/archive/master.zip",
                "https://paddleaudio.bj.bcebos.com/datasets/ESC-50-master.zip",
            ),
            600_000_000,
            "md5:7771e4b9d86d0945acce719c7a59305a",
        ),
    )

    def takes(self, file: PurePosixPath, wanted: Wanted) -> bool:
        return "audio" in file.parts or "meta" in file.parts

    def items(self, folder: Path, wanted: Wanted, report: Callable[[str], None]) -> list[Item]:
        root = only_folder(folder, "audio", "meta/esc50.csv")
        found = items_of(root, "esc", "", None, report)[0]
        return [replace(i, set=_SETS.get(i.extra.get("fold", ""), "train")) for i in found]
