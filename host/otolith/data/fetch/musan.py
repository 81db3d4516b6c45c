"""MUSAN: music, speech and noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from otolith.data.fetch.base import Archive, Collection, Wanted, only_folder, sounds_in
from otolith.data.layouts import Item

_LABELS = ("music", "noise", "speech")


class Musan(Collection):
    """Each file is a source of its own. The folders, such as free-sound, become the column part."""

    name = "musan"
    about = "109 h of music, noise and speech in 2,016 recordings, 16 kHz"
    licence = "CC BY 4.0; recordings: public domain and Creative Commons, listed in its folders"
    page = "https://www.openslr.org/17"
    source = "PaddleSpeech's and Kiwano's loaders"
    files = (
        Archive(
            "musan.tar.gz",
            (
                "https://www.openslr.org/resources/17/musan.tar.gz",
                "https://openslr.trmal.net/resources/17/musan.tar.gz",
                "https://us.openslr.org/resources/17/musan.tar.gz",
            ),
            11_086_114_085,
            "md5:0c472d4fc0c5141eca47ad1ffeb2a7df",
        ),
    )

    def takes(self, file: PurePosixPath, wanted: Wanted) -> bool:
        return file.suffix == ".wav"

    def items(self, folder: Path, wanted: Wanted, report: Callable[[str], None]) -> list[Item]:
        root = only_folder(folder, *_LABELS)
        return [
            Item(path, label, source=path.stem, extra={"part": path.parent.name})
            for label in _LABELS
            for path in sounds_in(root / label, report)
        ]
