"""A file that is valid at any time while it grows: what was written is there after a crash."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

_SYNC_BYTES = 160_000  # a power cut loses no more


def no_header(size: int) -> bytes:
    """Of a file that is its data alone."""
    return b""


class Growing:
    """A header that tells the size of the data behind it, and the data.

    `header` makes it of the data's bytes, always of the same length. The file must not be there
    yet, and is locked as long as it is written to. Errors are OSError.
    """

    def __init__(self, path: Path, header: Callable[[int], bytes] = no_header) -> None:
        self.path = path
        self.size = 0  # bytes of data
        self._header = header
        self._start = len(header(0))
        self._unsynced = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            with contextlib.suppress(OSError):  # some network disks have no locks
                fcntl.flock(self._fd, fcntl.LOCK_EX)
            self._write_at(0, header(0))
        except BaseException:
            self.discard()
            raise

    def _write_at(self, position: int, data: bytes) -> None:
        while data:
            done = os.pwrite(self._fd, data, position)
            data, position = data[done:], position + done

    def append(self, data: bytes) -> None:
        """Add `data`; on an error the file holds what it held before."""
        end = self._start + self.size
        try:
            self._write_at(end, data)
        except OSError:
            os.ftruncate(self._fd, end)
            raise
        self.size += len(data)
        self._write_at(0, self._header(self.size))
        self._unsynced += len(data)
        if self._unsynced >= _SYNC_BYTES:
            os.fsync(self._fd)
            self._unsynced = 0

    def read(self, start: int, stop: int) -> bytes:
        """Bytes of the data."""
        return os.pread(self._fd, stop - start, self._start + start)

    def shorten(self, size: int) -> None:
        """Keep the first `size` bytes only: this makes room on a full disk."""
        self.size = min(size, self.size)
        os.ftruncate(self._fd, self._start + self.size)
        self._write_at(0, self._header(self.size))

    def finish(self, path: Path | None = None) -> None:
        """Bring all of it to the disk, then give the file its name, `path`."""
        os.fsync(self._fd)
        if path is not None:
            self.rename(path)
        self.close()

    def rename(self, path: Path) -> None:
        """Give the file another name."""
        self.path.rename(path)
        self.path = path

    def close(self) -> None:
        """Leave the file as it is."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        self.close()
