"""Kitchen20: sounds of a kitchen, named as those of ESC-50."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from otolith.data.fetch.base import Archive, Collection, Wanted, only_folder, sounds_in
from otolith.data.layouts import Item
from otolith.data.names import as_label
from otolith.data.text import decode
from otolith.errors import shown

_CLIP = re.compile(r"(?P<fold>\d+)-(?P<source>.+)-(?P<take>[A-Z]+)-(?P<label>\d+)")


class Kitchen20(Collection):
    """Classes come from kitchen20.csv. Its folds share recordings, so the sets are made anew."""

    name = "kitchen20"
    about = "about 1,100 clips of 20 kitchen sounds, 5 s each"
    licence = "Apache-2.0; clips: Freesound's licences"
    page = "https://github.com/marc-moreaux/kitchen20"
    files = (
        Archive(
            "kitchen20-master.zip",
            ("https://github.com/marc-moreaux/kitchen20/archive/master.zip",),
            400_000_000,
        ),
    )

    def takes(self, file: PurePosixPath, wanted: Wanted) -> bool:
        return "audio" in file.parts or file.suffix == ".csv"

    def items(self, folder: Path, wanted: Wanted, report: Callable[[str], None]) -> list[Item]:
        root = only_folder(folder, "audio", "kitchen20.csv")
        classes = _classes(root / "kitchen20.csv")
        found = []
        for path in sounds_in(root / "audio", report):
            match = _CLIP.fullmatch(path.stem)
            label = as_label(classes.get(match["label"], "")) if match else ""
            if not match or not label:
                report(f"{shown(path.name)}: no class in kitchen20.csv: left out")
                continue
            source = match["source"]
            if source.isdigit():
                source = f"freesound-{source}"
            found.append(Item(path, label, source=source, extra={"fold": match["fold"]}))
        return found


def _classes(table: Path) -> dict[str, str]:
    """The name of each class by its number, from the columns category and target."""
    rows = csv.DictReader(decode(table.read_bytes()).splitlines())
    return {row.get("target") or "": row.get("category") or "" for row in rows}
