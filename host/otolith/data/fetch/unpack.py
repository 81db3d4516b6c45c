"""Unpacks archives that nobody here has made: only files, and only below one folder."""

from __future__ import annotations

import functools
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from otolith.data.fetch.base import WrongArchive
from otolith.data.fetch.download import enough_space, is_page
from otolith.errors import short, shown
from otolith.files import disk_errors

LARGEST_RATIO = 60  # unpacked size to packed size: sound is rarely packed to less than a half
_ALWAYS = 64 << 20  # bytes that may be unpacked whatever the ratio
MOST = 500_000  # files

Member = tuple[str, str, int, Callable[[], "IO[bytes] | None"]]


def unpack(
    archive: Path, folder: Path, takes: Callable[[PurePosixPath], bool], what: str = ""
) -> int:
    """Unpack the files of an archive that `takes` wants.

    Args:
        archive: A .tar file, packed or not, or a .zip file. Its content decides, not its name.
        folder: An existing folder.
        takes: Says for the path of a file in the archive whether to unpack it.
        what: Name of the archive for messages.

    Returns:
        The number of files that were unpacked.

    Raises:
        WrongArchive: It is no archive or is damaged, holds a link, a device or a path that leads
            out of the folder, or is far larger unpacked. What was unpacked before stays there.
        UserError: The disk is full.
    """
    name = shown(what or archive.name)
    budget = max(_ALWAYS, LARGEST_RATIO * archive.stat().st_size)
    done = 0
    try:
        for number, (path, kind, size, read) in enumerate(_members(archive, name)):
            if number >= MOST:
                raise WrongArchive(f"{name}: more than {MOST:,} files in it: not unpacked")
            if kind == "folder":
                continue
            below = _safe(path, name)
            if kind != "file":
                raise WrongArchive(
                    f"{name}: {short(shown(path))} in it is a {kind}, not a file: not unpacked"
                )
            if not takes(below):
                continue
            budget -= size
            if budget < 0:
                raise WrongArchive(f"{name}: far larger unpacked than packed: not unpacked")
            enough_space(folder, size)
            source = read()
            if source is None:
                raise WrongArchive(f"{name}: {short(shown(path))} in it can't be read")
            _write(source, folder / below, size, name)
            done += 1
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise WrongArchive(f"{name}: damaged or cut short: {_text(error)}") from error
    except (OSError, RuntimeError, ValueError) as error:  # gzip's and zlib's errors; passwords
        if getattr(error, "errno", None):
            raise
        raise WrongArchive(f"{name}: damaged or cut short: {_text(error)}") from error
    return done


def _text(error: BaseException) -> str:
    return short(shown(" ".join(str(error).split())) or type(error).__name__)


def _safe(path: str, name: str) -> PurePosixPath:
    """The path of a member, relative. UserError if it leads out of the folder."""
    below = PurePosixPath(path)
    windows = PureWindowsPath(path)
    parts = [part for part in below.parts if part != "."]
    bad = below.is_absolute() or windows.drive or "\\" in path or "\0" in path or ".." in parts
    if bad or not parts or any(len(part.encode("utf-8", "replace")) > 255 for part in parts):
        raise WrongArchive(
            f"{name}: {short(shown(path))} in it leads out of the folder: not unpacked"
        )
    return PurePosixPath(*parts)


def _write(source: IO[bytes], path: Path, size: int, name: str) -> None:
    with source, disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            raise WrongArchive(f"{name}: {short(shown(path.name))} is in it twice: not unpacked")
        left = size
        with path.open("xb") as file:
            while left and (block := source.read(min(left, 1 << 20))):
                file.write(block)
                left -= len(block)
    if left:
        raise WrongArchive(f"{name}: damaged or cut short at {short(shown(path.name))}")


def _members(archive: Path, name: str) -> Iterator[Member]:
    """Path, kind, size and content of everything in an archive."""
    if is_page(archive):
        raise WrongArchive(f"{name}: a web page, not an archive: download it again")
    if zipfile.is_zipfile(archive):
        yield from _zipped(archive)
        return
    try:
        file = tarfile.open(archive, "r:*")  # noqa: SIM115
    except tarfile.ReadError as error:
        raise WrongArchive(f"{name}: no .tar or .zip archive, or damaged") from error
    with file:
        for member in file:
            kind = (
                "file"
                if member.isreg()
                else "folder"
                if member.isdir()
                else "link"
                if member.issym() or member.islnk()
                else "device"
            )
            yield member.name, kind, member.size, functools.partial(file.extractfile, member)


def _zipped(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            mode = member.external_attr >> 16
            linked = member.create_system == 3 and (mode & 0o170000) == 0o120000
            kind = "folder" if member.is_dir() else "link" if linked else "file"
            yield member.filename, kind, member.file_size, functools.partial(file.open, member)
