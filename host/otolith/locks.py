"""Exclusive locks on open files. They end with the file, also when the process is killed."""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

_POLL_S = 0.05
_FAR = 1 << 40  # Windows keeps others from reading a locked byte, so it is one that no file has
_NAME = ".lock"  # in a folder on Windows, where a folder itself can't be opened

if sys.platform == "win32":
    import msvcrt

    def _hold(descriptor: int) -> None:
        at = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(errno.EAGAIN, "locked by another process") from error
        finally:
            os.lseek(descriptor, at, os.SEEK_SET)

else:
    try:
        import fcntl
    except ImportError:  # a Python without it
        fcntl = None  # type: ignore[assignment]

    def _hold(descriptor: int) -> None:
        if fcntl is None:
            raise OSError(errno.ENOLCK, "this system has no file locks")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def hold(descriptor: int, wait: bool = True) -> None:
    """Lock an open file.

    Args:
        descriptor: Of the file.
        wait: Whether to wait while another process has the lock.

    Raises:
        BlockingIOError: Another process has the lock, and `wait` is false.
        OSError: The file system has no locks.
    """
    while True:
        try:
            return _hold(descriptor)
        except BlockingIOError:
            if not wait:
                raise
        time.sleep(_POLL_S)


def open_folder(folder: Path) -> int:
    """Open a folder to lock it.

    Args:
        folder: It must exist.

    Returns:
        A descriptor for hold() and os.close().
    """
    if sys.platform == "win32":
        return os.open(folder / _NAME, os.O_RDWR | os.O_CREAT)
    return os.open(folder, os.O_RDONLY)
