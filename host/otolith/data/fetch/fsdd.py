"""The Free Spoken Digit Dataset."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from otolith.data.fetch.base import Archive, Collection, Wanted, only_folder, sounds_in
from otolith.data.layouts import Item
from otolith.errors import shown

_CLIP = re.compile(r"(\d)_([A-Za-z0-9]+)_(\d+)")
_TESTS = 5  # takes 0 to 4 are the test set of its authors


class Fsdd(Collection):
    """Its own test set has takes of all speakers, so it is only a column. Sets go by speaker."""

    name = "fsdd"
    about = "digits 0 to 9 by 5 or 6 speakers, 50 takes each, 8 kHz (v1.0.9)"
    licence = "CC BY-SA 4.0"
    page = "https://github.com/Jakobovski/free-spoken-digit-dataset"
    source = "TensorFlow Datasets, spoken_digit/checksums.tsv"
    files = (
        Archive(
            "free-spoken-digit-dataset-1.0.9.tar.gz",
            ("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/v1.0.9.tar.gz",),
            11_975_353,
            "sha256:8bc44cde129d505cbbb6b365c09f80c663f2aa77578afc634e6141a2f87100c0",
        ),
    )

    def takes(self, file: PurePosixPath, wanted: Wanted) -> bool:
        return "recordings" in file.parts

    def items(self, folder: Path, wanted: Wanted, report: Callable[[str], None]) -> list[Item]:
        found = []
        for path in sounds_in(only_folder(folder, "recordings") / "recordings", report):
            match = _CLIP.fullmatch(path.stem)
            if match is None:
                report(f"{shown(path.name)}: not named digit_speaker_take: left out")
                continue
            digit, speaker, take = match.groups()
            official = "test" if int(take) < _TESTS else "train"
            found.append(
                Item(path, digit, speaker=speaker, extra={"take": take, "official_set": official})
            )
        return found
