"""Files that are valid after every write, so that a crash loses little."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from otolith import locks

_SYNC_BYTES = 160_000  # 5 s of sound
_BINARY: int = getattr(os, "O_BINARY", 0)  # Windows would change line ends


def no_header(size: int) -> bytes:
    """The empty header."""
    return b""


class Growing:
    """A file with a header that contains the size of the data after it.

    The file is locked while it is open. All methods may raise OSError.

    Attributes:
        path: Path of the file.
        size: Number of data bytes.
    """

    def __init__(
        self, path: Path, header: Callable[[int], bytes] = no_header, sync: bool = True
    ) -> None:
        """Create a file.

        Args:
            path: Must not exist yet.
            header: Returns the header for a number of data bytes. Its length must not change.
            sync: Whether to flush data to disk regularly, so that a power cut loses little.
        """
        self.path = path
        self._sync = sync
        self.size = 0  # bytes
        self._header = header
        self._start = len(header(0))
        self._unsynced = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o644)
        try:
            with contextlib.suppress(OSError):  # some network file systems have no locks
                locks.hold(self._fd)
            self._write_at(0, header(0))
        except BaseException:
            self.discard()
            raise

    def _write_at(self, position: int, data: bytes) -> None:
        while data:
            if hasattr(os, "pwrite"):
                done = os.pwrite(self._fd, data, position)
            else:  # Windows
                os.lseek(self._fd, position, os.SEEK_SET)
                done = os.write(self._fd, data)
            data, position = data[done:], position + done

    def append(self, data: bytes) -> None:
        """Append `data` and update the header. On an error the earlier data is unchanged."""
        end = self._start + self.size
        try:
            self._write_at(end, data)
        except OSError:
            os.ftruncate(self._fd, end)
            raise
        self.size += len(data)
        self._write_at(0, self._header(self.size))
        self._unsynced += len(data)
        if self._sync and self._unsynced >= _SYNC_BYTES:
            os.fsync(self._fd)
            self._unsynced = 0

    def read(self, start: int, stop: int) -> bytes:
        """Read the bytes of the data from `start` to before `stop`."""
        if hasattr(os, "pread"):
            return os.pread(self._fd, stop - start, self._start + start)
        os.lseek(self._fd, self._start + start, os.SEEK_SET)
        return os.read(self._fd, stop - start)

    def shorten(self, size: int) -> None:
        """Truncate the data to `size` bytes. This frees space on a full disk."""
        self.size = min(size, self.size)
        os.ftruncate(self._fd, self._start + self.size)
        self._write_at(0, self._header(self.size))

    def finish(self, path: Path | None = None) -> None:
        """Flush all data to disk, rename the file to `path` if given, and close it."""
        os.fsync(self._fd)
        if path is not None:
            self.rename(path)
        self.close()

    def rename(self, path: Path) -> None:
        """Rename the file."""
        self.path.rename(path)
        self.path = path

    def close(self) -> None:
        """Close the file and leave it as it is."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        self.close()
