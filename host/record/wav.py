"""A WAV file that is valid at any time while it grows: what was written is there after a crash."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from pathlib import Path

import numpy as np

from host.features import RATE

_HEADER = 44
_SYNC_BYTES = 2 * RATE * 5  # a power cut loses no more
MAX_SECONDS = 24 * 3600  # well below the 4 GB of the format


def _header(data_bytes: int) -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, 1, 1),
        *(RATE, 2 * RATE, 2, 16, b"data", data_bytes),
    )


class WavWriter:
    """16 kHz, 16 bit, mono. The file is locked as long as it is written to. Errors are OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples = 0
        self._unsynced = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            with contextlib.suppress(OSError):  # some network disks have no locks
                fcntl.flock(self._fd, fcntl.LOCK_EX)
            self._write_at(0, _header(0))
        except BaseException:
            self.discard()
            raise

    def _write_at(self, position: int, data: bytes) -> None:
        while data:
            done = os.pwrite(self._fd, data, position)
            data, position = data[done:], position + done

    def write(self, pcm: np.ndarray) -> None:
        """Append int16 samples; on an error the file holds what it held before."""
        end = _HEADER + 2 * self.samples
        data = pcm.astype("<i2").tobytes()
        try:
            self._write_at(end, data)
        except OSError:
            os.ftruncate(self._fd, end)
            raise
        self.samples += len(pcm)
        self._write_at(0, _header(2 * self.samples))
        self._unsynced += len(data)
        if self._unsynced >= _SYNC_BYTES:
            os.fsync(self._fd)
            self._unsynced = 0

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples that were written, int16."""
        data = os.pread(self._fd, 2 * (stop - start), _HEADER + 2 * start)
        return np.frombuffer(data, "<i2").astype(np.int16)

    def shorten(self, samples: int) -> None:
        """Keep the first `samples` only: this makes room on a full disk."""
        samples = min(samples, self.samples)
        os.ftruncate(self._fd, _HEADER + 2 * samples)
        self.samples = samples
        self._write_at(0, _header(2 * samples))

    def finish(self, path: Path) -> None:
        """Bring all of it to the disk, then give the file its name, `path`."""
        os.fsync(self._fd)
        self.path.rename(path)
        self.path = path
        self.close()

    def close(self) -> None:
        """Leave the file as it is."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        self.close()


def is_being_written(path: Path) -> bool:
    """Whether a WavWriter, in this process or another, has the file open."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
