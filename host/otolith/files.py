"""Writes files whole or not at all, and turns disk errors into messages of one line.

All code that writes files uses this module, or otolith.growing for files that grow.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otolith.errors import UserError, shown

_FULL = {errno.ENOSPC, errno.EDQUOT}
_DISK = _FULL | {errno.EROFS, errno.EIO, errno.EFBIG}
# how libraries (HDF5, SQLite) report these errors
_WORDS = ("no space left on device", "disk is full", "disk quota exceeded", "file too large")


def cannot_write(path: Path | str, error: OSError) -> UserError:
    """Make the error that says why `path` can't be written and what to do."""
    todo = ": free some space" if error.errno in _FULL else ""
    return UserError(f"can't write {shown(path)}: {error.strerror or error}{todo}")


def disk_problem(error: BaseException) -> UserError | None:
    """Find the disk error behind an exception.

    Args:
        error: Any exception. Its causes and contexts are searched too.

    Returns:
        The error for the user, or None if the disk was not the cause.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, OSError) and cause.errno in _DISK:
            return cannot_write(cause.filename or "a file", cause)
        text = " ".join(str(cause).split())
        if not isinstance(cause, UserError) and any(word in text.casefold() for word in _WORDS):
            return UserError(f"can't write a file: {text[:200]}: free some space")
        cause = cause.__cause__ or cause.__context__
    return None


def make_folder(path: Path | str) -> Path:
    """Create a folder and its parents unless they exist. Raises UserError."""
    path = Path(path)
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def owner_tag() -> str:
    """A part of the name of a temporary file that identifies the process it belongs to."""
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
    return f"-{host}-{os.getpid()}-"


_TAG = re.compile(r"-([0-9a-f]{6})-(\d{1,9})-")


def is_orphan(path: Path) -> bool:
    """Whether a temporary file or folder was left behind by a process that was killed.

    Only names with an owner_tag() of this computer count. A process that started after the file was
    written is not its owner, even if it has the same process ID.
    """
    found = _TAG.findall(path.name)
    if not found or found[-1][0] != owner_tag()[1:7]:
        return False
    pid = int(found[-1][1])
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        pass  # a process of another user
    try:
        return path.lstat().st_mtime < _began(pid) - 60
    except OSError:
        return False


def _began(pid: int) -> float:
    """When a process started, in seconds since 1970. 0 if the system does not say."""
    try:
        # skip the name, which may contain anything; then state is field 3 and the start is field 22
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        boot = re.search(r"^btime (\d+)", Path("/proc/stat").read_text(), re.MULTILINE)
        if boot is None:
            return 0.0
        return int(boot[1]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def remove_orphans(folder: Path, prefix: str = ".") -> list[Path]:
    """Remove temporary files and folders left behind by killed processes.

    Args:
        folder: The folder to clean. A missing folder is no error.
        prefix: Only names that begin with this are removed.

    Returns:
        The paths that were removed.
    """
    gone = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith(prefix) and is_orphan(path):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
                gone.append(path)
    return gone


_cleaned: set[Path] = set()  # folders that this process has cleaned of orphans


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Write a file whole or not at all.

    Yields a temporary path beside `path` and renames it to `path` if the block succeeds. If the
    block fails, the temporary file is removed and `path` is unchanged. Missing folders are created.

    Raises:
        UserError: The disk can't be written.
    """
    path = Path(path)
    make_folder(path.parent)
    if path.parent not in _cleaned:
        _cleaned.add(path.parent)
        remove_orphans(path.parent)
    with disk_errors(path):
        prefix = f".{path.name[:100]}{owner_tag()}"
        fd, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
    os.close(fd)
    temporary = Path(name)
    try:
        yield temporary
        with disk_errors(path):
            temporary.chmod(0o644)  # mkstemp gives other users no access
            temporary.replace(path)
    except UserError:
        raise
    except OSError as error:
        if error.errno in _DISK or error.filename in (name, temporary):
            raise cannot_write(path, error) from error
        raise
    except Exception as error:
        if disk_problem(error):
            raise UserError(f"can't write {shown(path)}: free some space") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all. Raises UserError."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` (UTF-8) to `path`, whole or not at all. Raises UserError."""
    write_bytes(path, text.encode())


@contextmanager
def disk_errors(path: Path | str) -> Iterator[None]:
    """Turn any OSError of the block into a UserError about `path`."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error
