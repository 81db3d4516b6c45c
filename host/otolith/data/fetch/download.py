"""Downloads files with pooch. A download that broke off goes on where it stopped."""

from __future__ import annotations

import glob
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock
import pooch
import requests
import urllib3
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from otolith.data.fetch.base import Archive
from otolith.errors import UserError, short, shown
from otolith.files import cannot_write, make_folder
from otolith.progress import is_quiet
from otolith.version import VERSION

TRIES = 4  # requests for one file, as long as none brings anything new
PAUSE_S = 2.0  # before the second; doubled each time
TIMEOUT = (15, 60)  # s to connect, and between two blocks
BLOCK = 1 << 18  # bytes
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<!--")


@dataclass(frozen=True)
class Got:
    """A downloaded file.

    Attributes:
        archive: What was asked for.
        path: Where it is.
        sha256: Its SHA-256, hex.
        url: Where it came from. Empty if it was on this computer.
    """

    archive: Archive
    path: Path
    sha256: str
    url: str


class BrokenDownload(UserError):
    """A download that failed. `final`: another attempt at this address would fail as well."""

    def __init__(self, message: str, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"


class Resuming:
    """A downloader for pooch that keeps what it has when a connection breaks.

    What has arrived is kept in a file NAME.part. The next run asks only for the rest, with the
    request header Range. If-Range and the ETag of the first answer make sure that the file has not
    changed meanwhile: then the server sends all of it again.

    Args:
        part: The file for what has arrived. A file PART.etag beside it keeps the ETag.
        progress: Called with bytes so far and in all (0: unknown).
    """

    def __init__(self, part: Path, progress: Callable[[int, int], None]) -> None:
        self._part = part
        self._etag = part.with_name(part.name + ".etag")
        self._progress = progress

    def __call__(self, url: str, output_file: object, pooch_: object) -> None:
        """Download `url` to the path `output_file`, in as many requests as it takes.

        Raises:
            BrokenDownload: It failed. What has arrived is kept if it is of use.
        """
        tries, have = 0, self._have()
        while True:
            try:
                self._request(url)
                break
            except BrokenDownload as error:
                tries = tries + 1 if self._have() <= have else 1
                have = self._have()
                if error.final or tries >= TRIES:
                    if have and not error.final:
                        raise BrokenDownload(
                            f"{error.message}: {_size(have)} are kept: run the same command again"
                        ) from error
                    raise
                time.sleep(PAUSE_S * 2 ** (tries - 1))
        self._etag.unlink(missing_ok=True)
        os.replace(self._part, str(output_file))

    def forget(self) -> None:
        """Remove what has arrived."""
        self._part.unlink(missing_ok=True)
        self._etag.unlink(missing_ok=True)

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _request(self, url: str) -> None:
        """Make one request and append what it brings."""
        have, tag = self._have(), self._tag()
        if have and not tag:  # nothing says whether it is still the same file
            self.forget()
            have = 0
        headers = {"Accept-Encoding": "identity", "User-Agent": f"otolith/{VERSION}"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": tag}
        try:
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
                self._take(url, answer, have)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise BrokenDownload(f"{shown(url)}: {_reason(error)}") from error

    def _tag(self) -> str:
        return self._etag.read_text("latin-1") if self._etag.exists() else ""

    def _take(self, url: str, answer: requests.Response, have: int) -> None:
        if answer.status_code == 416:  # the file has become shorter than the part
            self.forget()
            raise BrokenDownload(f"{shown(url)}: the file has changed")
        if answer.status_code not in (200, 206):
            final = 400 <= answer.status_code < 500 and answer.status_code not in (408, 429)
            reason = short(answer.reason or "")
            raise BrokenDownload(
                f"{shown(url)}: the server says {answer.status_code} {reason}", final
            )
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise BrokenDownload(f"{shown(url)}: the server sends a web page, not the file", True)
        start = answer.headers.get("Content-Range", "").partition(" ")[2].partition("-")[0]
        goes_on = answer.status_code == 206 and start == str(have)
        if answer.status_code == 206 and not goes_on:
            self.forget()
            raise BrokenDownload(f"{shown(url)}: the server sends another part than asked for")
        length = answer.headers.get("Content-Length", "")
        have = have if goes_on else 0
        total = have + int(length) if length.isdigit() else 0
        try:
            if not goes_on:
                tag = answer.headers.get("ETag", "")
                # a weak tag does not promise equal bytes
                self._etag.write_text("" if tag.startswith("W/") else tag, "latin-1")
            with self._part.open("ab" if goes_on else "wb") as file:
                # read1() gives what has arrived; iter_content() would lose it if the rest breaks
                while block := answer.raw.read1(BLOCK, decode_content=False):
                    file.write(block)
                    have += len(block)
                    self._progress(have, total)
        except OSError as error:
            if isinstance(error, requests.RequestException):
                raise
            raise cannot_write(self._part, error) from error
        if total and have != total:
            raise BrokenDownload(f"{shown(url)}: broke off at {_size(have)} of {_size(total)}")


def _reason(error: Exception) -> str:
    """What a person can use of an error of requests or urllib3."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.ConnectionError):
        return "can't be reached"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        return "broke off"
    return short(" ".join(str(error).split()))


@contextmanager
def _shown_progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar with bytes and speed. Yields the function for Resuming."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    off = is_quiet() or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=off) as bar:
        task = bar.add_task(name, total=None)
        yield lambda have, total: bar.update(task, completed=have, total=total or None)


def download(archive: Archive, folder: Path) -> Got:
    """Download a file, or take it from an earlier download.

    Args:
        archive: The file, its addresses and its checksum.
        folder: Where to keep it, and what has arrived of it.

    Raises:
        UserError: No address has the right file, the disk is full, or another command downloads it.
    """
    make_folder(folder)
    try:
        with filelock.FileLock(folder / f"{archive.file}.lock", timeout=0):
            return _download(archive, folder)
    except filelock.Timeout as error:
        raise UserError(f"another command is downloading {shown(archive.file)}: wait") from error


def _download(archive: Archive, folder: Path) -> Got:
    pooch.get_logger().setLevel(logging.ERROR)
    there = sum(path.stat().st_size for path in folder.glob(f"{glob.escape(archive.file)}*"))
    enough_space(folder, archive.size - there)
    failures: list[BrokenDownload] = []
    for number, url in enumerate(archive.urls):
        part = folder / f"{archive.file}{f'.{number}' if number else ''}.part"
        try:
            with _shown_progress(archive.file) as progress:
                path = pooch.retrieve(
                    url,
                    known_hash=archive.checksum or None,
                    fname=archive.file,
                    path=folder,
                    downloader=Resuming(part, progress),
                )
        except BrokenDownload as error:
            failures.append(error)
            continue
        except ValueError:  # of pooch
            failures.append(BrokenDownload(f"{shown(url)}: {_another(archive)}", True))
            continue
        return Got(archive, Path(path), str(pooch.file_hash(path)), url)
    raise _told(archive, failures)


def _another(archive: Archive) -> str:
    """What to say about a file with another checksum."""
    kind, _, wanted = archive.checksum.partition(":")
    return f"not the published {archive.file}: its {kind.upper()} is not {wanted[:12]}..."


def _told(archive: Archive, failures: Sequence[BrokenDownload]) -> UserError:
    """One line about all addresses of a file."""
    kept = next((failure for failure in failures if "are kept" in failure.message), None)
    if kept is not None:
        return kept
    more = f" ({len(failures) - 1} more addresses fail too)" if len(failures) > 1 else ""
    return UserError(
        f"{failures[0].message}{more}: try again later, or get {shown(archive.file)} elsewhere and "
        "give it with --from"
    )


def given(archive: Archive, path: Path) -> Got:
    """Take a file that is on this computer already.

    Raises:
        UserError: It can't be read, or is not the published file.
    """
    try:
        sha256 = str(pooch.file_hash(str(path)))
        kind, _, wanted = archive.checksum.partition(":")
        if wanted and str(pooch.file_hash(str(path), alg=kind)) != wanted:
            raise UserError(f"{shown(path)}: {_another(archive)}")
    except OSError as error:
        raise UserError(f"can't read {shown(path)}: {error.strerror}") from error
    return Got(archive, path, sha256, "")


def is_page(path: Path) -> bool:
    """Whether a file is a web page, such as a message of a server."""
    with path.open("rb") as file:
        return file.read(64).lstrip().lower().startswith(_PAGES)


def enough_space(folder: Path, size: int) -> None:
    """Raise UserError if a disk has less free space than `size` bytes."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(
            f"{shown(folder)}: {_size(size)} needed, {_size(free)} free: free some space"
        )
