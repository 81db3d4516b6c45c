"""A WAV file that is valid at any time while it grows: what was written is there after a crash."""

from __future__ import annotations

import fcntl
from pathlib import Path

import numpy as np

from otolith.audio.wav_header import header
from otolith.growing import Growing

MAX_SECONDS = 24 * 3600  # well below the 4 GB of the format


def write_wav(path: Path, pcm: np.ndarray) -> None:
    """Write int16 `pcm` as a 16 kHz, 16 bit, mono file. Raises OSError."""
    data = pcm.astype("<i2").tobytes()
    path.write_bytes(header(len(data)) + data)


class WavWriter:
    """16 kHz, 16 bit, mono. The file is locked as long as it is written to. Errors are OSError."""

    def __init__(self, path: Path) -> None:
        self._file = Growing(path, header)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._file.path

    @property
    def samples(self) -> int:
        """Written so far."""
        return self._file.size // 2

    def write(self, pcm: np.ndarray) -> None:
        """Append int16 samples; on an error the file holds what it held before."""
        self._file.append(pcm.astype("<i2").tobytes())

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples that were written, int16."""
        return np.frombuffer(self._file.read(2 * start, 2 * stop), "<i2").astype(np.int16)

    def shorten(self, samples: int) -> None:
        """Keep the first `samples` only: this makes room on a full disk."""
        self._file.shorten(2 * samples)

    def finish(self, path: Path | None = None) -> None:
        """Bring all of it to the disk, then give the file its name, `path`."""
        self._file.finish(path)

    def rename(self, path: Path) -> None:
        """Give the file another name."""
        self._file.rename(path)

    def close(self) -> None:
        """Leave the file as it is."""
        self._file.close()

    def discard(self) -> None:
        """Remove the file."""
        self._file.discard()


def is_being_written(path: Path) -> bool:
    """Whether a WavWriter, in this process or another, has the file open."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
