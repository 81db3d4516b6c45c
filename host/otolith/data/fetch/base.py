"""What a public data set is: its archives, its layout, and what it becomes here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from otolith.data.layouts import Item, Walk
from otolith.data.metadata import Row
from otolith.errors import UserError, shown


class WrongArchive(UserError):
    """An archive that is damaged, hostile, or another one than expected."""


DATASET, FOLDER = "dataset", "folder"  # what a data set becomes


@dataclass(frozen=True)
class Archive:
    """A file to download.

    Attributes:
        file: Its name on this computer.
        urls: Addresses of the same file, tried in order.
        size: Bytes, 0 if nobody says. Sizes that nobody publishes exactly are rounded to a million.
            Only the check of the free disk space and the list depend on it.
        checksum: "sha256:..." or "md5:...". Empty if nobody has published one.
        packed: Whether it is a .tar, .tar.gz or .zip file to unpack. Other files are kept as is.
    """

    file: str
    urls: tuple[str, ...]
    size: int = 0
    checksum: str = ""
    packed: bool = True


@dataclass(frozen=True)
class Wanted:
    """The options of a fetch.

    Attributes:
        language: Of a data set with several: its code, such as "en".
        words: Of a data set of words: the words to take.
        voices: Of a collection of voices: their names.
    """

    language: str = ""
    words: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()


Get = Callable[[Archive], Path]


class Collection:
    """A public data set: one file in this folder, and one line in registry.py.

    Attributes:
        name: What the user calls it.
        about: One line for people.
        licence: Its licence, and what it covers if that is not everything.
        page: Where it is described.
        source: Where the checksum and the size come from. Empty if there is no checksum.
        makes: DATASET, or FOLDER for files that are used as they are.
        options: Which fields of Wanted it takes.
        files: Its archives, if they do not depend on options.
        home: Default folder. None: datasets/NAME.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    licence: ClassVar[str]
    page: ClassVar[str]
    source: ClassVar[str] = ""
    makes: ClassVar[str] = DATASET
    options: ClassVar[tuple[str, ...]] = ()
    files: ClassVar[tuple[Archive, ...]] = ()
    home: ClassVar[Path | None] = None

    def archives(self, wanted: Wanted, get: Get) -> Sequence[Archive]:
        """List what to download.

        Args:
            wanted: The options.
            get: Downloads an archive and returns where it is, for collections with an index.

        Raises:
            UserError: An option is missing or fits nothing.
        """
        return self.files

    def takes(self, file: PurePosixPath, wanted: Wanted) -> bool:
        """Whether to unpack a file of an archive."""
        return True

    def unpacked(self, archive: Archive, folder: Path, wanted: Wanted) -> None:
        """Look at an unpacked archive before the next one is downloaded.

        Raises:
            UserError: An option fits nothing in it.
        """

    def items(self, folder: Path, wanted: Wanted, report: Callable[[str], None]) -> list[Item]:
        """List the clips to import, with their labels, speakers, sources and sets.

        Args:
            folder: Where the archives were unpacked.
            wanted: The options.
            report: Gets a line for each file that is left out.

        Raises:
            UserError: The folder has another layout.
        """
        raise UserError(f"{self.name} has no clips")

    def place(self, folder: Path, to: Path, wanted: Wanted) -> int:
        """Put files into a folder, for collections that make a FOLDER.

        Args:
            folder: Where the archives were unpacked.
            to: An empty folder.
            wanted: The options.

        Returns:
            The number of files.
        """
        raise UserError(f"{self.name} has no files")


def only_folder(folder: Path, *needed: str) -> Path:
    """Find the folder in an unpacked archive that holds some files or folders.

    Args:
        folder: Where the archive was unpacked.
        needed: Names that must be there.

    Returns:
        `folder`, or the folder in it that has them.

    Raises:
        WrongArchive: There is none.
    """
    candidates = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    for path in candidates:
        if all((path / name).exists() for name in needed):
            return path
    raise WrongArchive(f"the archive has no {shown(' and '.join(needed))}: it is another data set")


def sounds_in(folder: Path, report: Callable[[str], None]) -> list[Path]:
    """All sound files below a folder, sorted."""
    return Walk(None, report).files(folder)


def settle(rows: Sequence[Row], groups: Sequence[Sequence[Row]]) -> int:
    """Put each group of linked clips into one set. Rows are changed in place.

    Some published sets share a speaker or a recording. Such a group trains if any of its clips
    does, and validates otherwise.

    Returns:
        The number of groups that were in several sets.
    """
    mixed = 0
    for group in groups:
        sets = {row.set for row in group if row.set}
        if len(sets) > 1:
            mixed += 1
            chosen = "train" if "train" in sets else "validate"
            for row in group:
                row.set = chosen
    return mixed
