"""Fetches a public data set: download, check, unpack, import. All of it, or nothing."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from otolith import paths
from otolith.data import metadata
from otolith.data.fetch.base import DATASET, Archive, Collection, Wanted, WrongArchive, settle
from otolith.data.fetch.download import Got, download, enough_space, given
from otolith.data.fetch.unpack import unpack
from otolith.data.importing import Imported, import_items
from otolith.data.importing import Wanted as ForAll
from otolith.data.sets import SHARES
from otolith.data.split import groups_of, split_rows
from otolith.errors import UserError, shown
from otolith.files import cannot_write, make_folder, owner_tag, remove_orphans, write_text

ABOUT = "source.json"  # beside what was fetched: where it came from
DOWNLOADS = paths.cache(paths.TOOLS / "downloads")
DEFAULT = Path("datasets")


@dataclass
class Fetched:
    """What a fetch has made.

    Attributes:
        name: The data set.
        to: The folder of the dataset, or of the files.
        clips: Number of clips, or of files.
        seconds: Their length. 0 for files.
        left_out: A line for each file that was left out.
        mixed: Speakers and recordings that were in several of the published sets.
        sha256: The SHA-256 of each archive by its name.
        unpublished: The archives for which nobody has published a checksum.
    """

    name: str
    to: Path
    clips: int = 0
    seconds: float = 0.0
    left_out: list[str] = field(default_factory=list)
    mixed: int = 0
    sha256: dict[str, str] = field(default_factory=dict)
    unpublished: list[str] = field(default_factory=list)


def folder_for(collection: Collection, wanted: Wanted) -> Path:
    """The folder that a data set goes to without --to."""
    if collection.home is not None:
        return collection.home
    language = f"-{wanted.language}" if wanted.language else ""
    return DEFAULT / f"{collection.name}{language}"


def _check_options(collection: Collection, wanted: Wanted) -> None:
    for option in ("language", "words", "voices"):
        if getattr(wanted, option) and option not in collection.options:
            raise UserError(f"{collection.name} takes no --{option}")


class _Source:
    """Gets archives: from files that the user has, or from their addresses."""

    def __init__(self, files: Sequence[Path], downloads: Path) -> None:
        self._files = {}
        self._downloads = downloads
        for path in files:
            if path.is_dir():
                self._files.update({p.name: p for p in path.iterdir() if p.is_file()})
            elif path.is_file():
                self._files[path.name] = path
            else:
                raise UserError(f"--from {shown(path)}: no such file")
        self._only = files[0] if len(files) == 1 and files[0].is_file() else None
        self.got: dict[str, Got] = {}

    def get(self, archive: Archive, alone: bool = False) -> Got:
        """Get an archive. `alone`: it is the only one, so a single file may have any name."""
        if archive.file not in self.got:
            path = self._files.get(archive.file) or (self._only if alone else None)
            if path is not None:
                self.got[archive.file] = given(archive, path)
            elif self._files:
                raise UserError(f"--from: no file {shown(archive.file)} there")
            else:
                if (
                    not archive.packed and not archive.checksum
                ):  # an index, which may be out of date
                    (self._downloads / archive.file).unlink(missing_ok=True)
                self.got[archive.file] = download(archive, self._downloads)
        return self.got[archive.file]

    def discard(self) -> None:
        """Remove what was downloaded."""
        for got in self.got.values():
            if got.url:
                got.path.unlink(missing_ok=True)


def fetch(
    collection: Collection,
    to: Path | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008
    files: Sequence[Path] = (),
    keep: bool = False,
    downloads: Path | None = None,
) -> Fetched:
    """Fetch a public data set.

    A download that breaks off is kept, and the next call goes on with it. Everything else is made
    in a hidden folder beside `to` and renamed when it is complete.

    Args:
        collection: The data set.
        to: Folder for it. It must not exist, or be empty. A collection with a folder of its own
            adds to that. None: folder_for().
        wanted: Options of the data set.
        files: Archives that are on this computer, or folders with them. Nothing is downloaded then.
        keep: Whether to keep the downloaded archives.
        downloads: Where to keep downloads. None: DOWNLOADS.

    Returns:
        What was made.

    Raises:
        UserError: An option is wrong, `to` is in use, no address has the right file, an archive is
            damaged or hostile, or the disk is full. `to` does not exist then.
    """
    _check_options(collection, wanted)
    to = to or folder_for(collection, wanted)
    if to != collection.home and to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{shown(to)} is there already: give another folder with --to")
    source = _Source(files, downloads or DOWNLOADS)
    try:
        archives = collection.archives(wanted, lambda archive: source.get(archive).path)
    except UserError:
        source.discard()  # an index; a broken download of it is kept
        raise
    make_folder(to.parent)
    prefix = f".{to.name[:60]}-fetching"
    remove_orphans(to.parent, prefix)
    try:
        work = Path(tempfile.mkdtemp(prefix=prefix + owner_tag(), dir=to.parent))
    except OSError as error:
        raise cannot_write(to, error) from error
    try:
        unpacked, made = work / "unpacked", work / "made"
        unpacked.mkdir()
        for archive in archives:
            got = source.get(archive, alone=len(archives) == 1)
            _open(collection, got, unpacked, wanted)
        found = Fetched(collection.name, to)
        found.sha256 = {name: got.sha256 for name, got in source.got.items()}
        found.unpublished = [n for n, got in source.got.items() if not got.archive.checksum]
        if collection.makes == DATASET:
            _import(collection, unpacked, made, wanted, found)
        else:
            made.mkdir()
            found.clips = collection.place(unpacked, made, wanted)
        write_text(made / ABOUT, _about(collection, wanted, source, to))
        _move(made, to)
    except WrongArchive:
        source.discard()  # another attempt must not start with the same file
        raise
    except OSError as error:
        raise cannot_write(to, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if not keep:
        source.discard()
    return found


def _open(collection: Collection, got: Got, folder: Path, wanted: Wanted) -> None:
    """Unpack an archive, or copy a file that is none."""
    if not got.archive.packed:
        enough_space(folder, got.path.stat().st_size)
        shutil.copyfile(got.path, folder / got.archive.file)
        return
    name = got.archive.file
    if not unpack(got.path, folder, lambda path: collection.takes(path, wanted), name):
        raise WrongArchive(f"{shown(name)}: no file of {collection.name} in it: another archive")
    collection.unpacked(got.archive, folder, wanted)


@dataclass
class _Imported(Imported):
    """The result of an import, whose lines name files as the archive does."""

    folder: Path = Path()

    def _short(self, line: str) -> str:
        return line.replace(f"{shown(self.folder)}/", "")

    def warn(self, line: str) -> None:
        super().warn(self._short(line))

    def report(self, line: str) -> None:
        super().report(self._short(line))


def _import(
    collection: Collection, folder: Path, dataset: Path, wanted: Wanted, found: Fetched
) -> None:
    """Make a dataset of an unpacked archive."""
    result = _Imported(folder=folder)
    items = collection.items(folder, wanted, result.report)
    if items:
        import_items(items, dataset, ForAll(), result)
    if not result.clips:
        raise WrongArchive(f"{collection.name}: no clip could be read: it is another data set")
    found.clips, found.seconds, found.left_out = result.clips, result.seconds, result.problems
    with metadata.lock(dataset):
        rows = metadata.load(dataset)
        groups = groups_of(rows.rows)
        found.mixed = settle(rows.rows, [group.rows for group in groups])
        split_rows(groups, SHARES, 0)
        rows.save(dataset)


def _about(collection: Collection, wanted: Wanted, source: _Source, to: Path) -> str:
    """The text of source.json. What was fetched into the folder before stays in it."""
    archives = [
        {
            "file": name,
            "address": got.url or "a file on this computer",
            "sha256": got.sha256,
            "published": got.archive.checksum or None,
        }
        for name, got in source.got.items()
    ]
    before = to / ABOUT
    if before.is_file():
        old = json.loads(before.read_text()).get("archives", [])
        archives = [a for a in old if a["file"] not in source.got] + archives
    about = {
        "name": collection.name,
        "page": collection.page,
        "licence": collection.licence,
        "fetched": datetime.now().astimezone().isoformat(timespec="seconds"),
        "language": wanted.language,
        "words": list(wanted.words),
        "archives": archives,
    }
    return json.dumps(about, indent=2) + "\n"


def _move(made: Path, to: Path) -> None:
    """Rename the folder `made` to `to`, or move its files into `to` if that exists."""
    if not to.exists() or not any(to.iterdir()):
        made.replace(to)
        return
    for path in sorted(made.iterdir()):
        path.replace(to / path.name)
