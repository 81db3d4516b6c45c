"""Writes WAV files: 16 kHz, 16 bit, mono. Nothing else in this package writes any."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from otolith import locks
from otolith.audio.arrays import Pcm
from otolith.audio.wav_header import header
from otolith.growing import Growing

MAX_SECONDS = 24 * 3600  # well below the 4 GB that the format allows


def write_wav(path: Path, pcm: Pcm) -> None:
    """Write a whole WAV file, replacing what is at `path`. Raises OSError."""
    data = pcm.astype("<i2").tobytes()
    path.write_bytes(header(len(data)) + data)


class WavWriter:
    """Writes a WAV file that is valid after every write, even if the program is killed.

    The file is locked while it is open. All methods raise OSError.
    """

    def __init__(self, path: Path, sync: bool = True) -> None:
        """Create a file.

        Args:
            path: Must not exist yet.
            sync: Bring the samples to the disk every five seconds, so that a power cut loses no
                more. Files that can be made again do without.
        """
        self._file = Growing(path, header, sync)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._file.path

    @property
    def samples(self) -> int:
        """Samples written so far."""
        return self._file.size // 2

    def write(self, pcm: Pcm) -> None:
        """Append samples. On an error the file holds what it held before."""
        self._file.append(pcm.astype("<i2").tobytes())

    def read(self, start: int, stop: int) -> Pcm:
        """Samples start..stop of what was written."""
        return np.frombuffer(self._file.read(2 * start, 2 * stop), "<i2").astype(np.int16)

    def shorten(self, samples: int) -> None:
        """Keep only the first `samples`. This makes room on a full disk."""
        self._file.shorten(2 * samples)

    def finish(self, path: Path | None = None) -> None:
        """Bring all samples to the disk, then rename the file to `path`."""
        self._file.finish(path)

    def rename(self, path: Path) -> None:
        """Give the file another name."""
        self._file.rename(path)

    def close(self) -> None:
        """Close the file and leave it as it is."""
        self._file.close()

    def discard(self) -> None:
        """Remove the file."""
        self._file.discard()


def is_being_written(path: Path) -> bool:
    """Whether a WavWriter, in this process or another, has the file open."""
    with path.open("rb") as file:
        try:
            locks.hold(file.fileno(), wait=False)
        except OSError:
            return True
    return False
