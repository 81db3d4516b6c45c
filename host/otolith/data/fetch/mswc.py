"""The Multilingual Spoken Words Corpus: single words in 50 languages, cut from Common Voice."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from otolith.data.fetch.base import Archive, Collection, Get, Wanted, WrongArchive
from otolith.data.layouts import Item
from otolith.data.names import as_label
from otolith.errors import UserError, shown

_SETS = {"TRAIN": "train", "DEV": "validate", "TEST": "test"}
_HOSTS = (
    "https://mswc.mlcommons-storage.org",
    "https://storage.googleapis.com/public-datasets-mswc",
)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,8})?")


class Mswc(Collection):
    """One archive holds a whole language, but only the words that are asked for are unpacked.

    Speakers, genders and sets come from LANGUAGE_splits.csv. The recording of Common Voice that a
    word was cut from is its source.
    """

    name = "mswc"
    about = "words in 50 languages from Common Voice, about 1 s each, by their speakers"
    licence = "CC BY 4.0"
    page = "https://mlcommons.org/datasets/multilingual-spoken-words/"
    options = ("language", "words")

    def archives(self, wanted: Wanted, get: Get) -> Sequence[Archive]:
        code = wanted.language
        if not code or not wanted.words:
            raise UserError("mswc needs --language and --words, such as --language en --words yes")
        if not _LANGUAGE.fullmatch(code):
            raise UserError(f"--language {shown(code)}: give a code, such as en, de or zh-CN")
        parts = ("splits", "audio")  # the small one first
        return [
            Archive(
                f"mswc-{part}-{code}.tar.gz", tuple(f"{h}/{part}/{code}.tar.gz" for h in _HOSTS)
            )
            for part in parts
        ]

    def takes(self, file: PurePosixPath, wanted: Wanted) -> bool:
        return file.name.endswith("_splits.csv") or file.parent.name in wanted.words

    def unpacked(self, archive: Archive, folder: Path, wanted: Wanted) -> None:
        if "-splits-" not in archive.file:
            return
        words = {row["WORD"] for row in _rows(folder)}
        missing = [word for word in wanted.words if word not in words]
        if missing:
            near = difflib.get_close_matches(missing[0], words, 3)
            hint = f": near it: {', '.join(near)}" if near else ""
            raise UserError(
                f"mswc has no word {shown(missing[0])!r} in {wanted.language}{shown(hint)}"
            )

    def items(self, folder: Path, wanted: Wanted, report: Callable[[str], None]) -> list[Item]:
        there = {
            f"{path.parent.name}/{path.stem}": path
            for path in sorted(folder.rglob("*.opus"))
            if path.parent.name in wanted.words
        }
        found, missing = [], 0
        for row in _rows(folder):
            if row["WORD"] not in wanted.words or row.get("VALID", "True") != "True":
                continue
            link = PurePosixPath(row["LINK"])
            path = there.get(f"{link.parent.name}/{link.stem}")
            if path is None:
                missing += 1
                continue
            found.append(
                Item(
                    path,
                    as_label(row["WORD"]),
                    speaker=row.get("SPEAKER", ""),
                    source=link.stem,
                    set=_SETS.get(row.get("SET", ""), ""),
                    extra={"gender": row["GENDER"].lower()} if row.get("GENDER") else {},
                )
            )
        if missing:
            report(f"{missing} clips of the table are not in the archive")
        return found


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    """The lines of the table of clips."""
    table = next(iter(sorted(folder.rglob("*_splits.csv"))), None)
    if table is None:
        raise WrongArchive("the archive has no table *_splits.csv: it is another data set")
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        if not {"LINK", "WORD"} <= set(reader.fieldnames or ()):
            raise WrongArchive(f"{table.name}: no columns LINK and WORD in it")
        for row in reader:
            if row.get("LINK") and row.get("WORD"):
                yield {key: value or "" for key, value in row.items() if key}
