"""What a virtual microphone delivers, for other programs: a pipe, or a source of PulseAudio."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from otolith.audio import RATE
from otolith.errors import UserError

_PENDING = 2 * RATE * 60  # bytes that a slow reader may be behind: a minute
_LAST_S = 1.0  # for what a reader has not taken at the end
_F_SETPIPE_SZ = 1031
_PIECE = 4096  # bytes: the smallest pipe, and what it takes whole or not at all
SOURCE = "otolith_mic"


class PcmPipe:
    """Raw int16 little-endian PCM into a FIFO (made if there is none) or a file.

    A FIFO waits for its reader; what comes while nobody reads is dropped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped = 0  # bytes
        self._pending = bytearray()
        self._fd = -1
        try:
            if not path.exists():
                os.mkfifo(path)
            self._is_fifo = stat.S_ISFIFO(path.stat().st_mode)
        except OSError as error:
            raise UserError(f"can't use {path} as a pipe: {error.strerror}") from error

    def _open(self) -> bool:
        if self._fd >= 0:
            return True
        try:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_TRUNC)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nobody reads
                return False
            raise UserError(f"can't write to {self.path}: {error.strerror}") from error
        if self._is_fifo:
            # A small pipe: what a program reads is fresh.
            with contextlib.suppress(OSError):
                import fcntl

                fcntl.fcntl(self._fd, _F_SETPIPE_SZ, _PIECE)
        return True

    def write(self, data: bytes) -> None:
        """Send on as much as the reader takes; the rest later."""
        if not self._open():
            self.dropped += len(data)
            return
        room = max(0, _PENDING - len(self._pending)) & ~1
        self.dropped += max(0, len(data) - room)
        self._pending += data[:room]
        self._flush()

    def _flush(self) -> None:
        try:
            while self._pending:
                del self._pending[: os.write(self._fd, self._pending[:_PIECE])]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # the reader has gone; the next one begins afresh
            self._drop()
        except OSError as error:
            self._drop()
            raise UserError(f"can't write to {self.path}: {error.strerror}") from error

    def _drop(self) -> None:
        os.close(self._fd)
        self._fd = -1
        self._pending.clear()

    def close(self) -> None:
        """Give a reader that is behind a moment for the rest, and close; the pipe stays there."""
        end = time.monotonic() + _LAST_S
        while self._pending and time.monotonic() < end:
            self._flush()
            time.sleep(0.005)
        if self._fd >= 0:
            self._drop()


def _pactl(*arguments: str) -> str:
    if shutil.which("pactl") is None:
        raise UserError("pactl is missing: sudo apt-get install -y pulseaudio-utils")
    done = subprocess.run(["pactl", *arguments], capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"PulseAudio: {reason}: is a sound server running? (pulseaudio --start)")
    return done.stdout.strip()


@contextlib.contextmanager
def pulse_source() -> Iterator[Path]:
    """A microphone named "Otolith Mic" in the running PulseAudio, fed by the pipe this yields."""
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        pipe = Path(folder) / "pcm"
        module = _pactl(
            "load-module",
            "module-pipe-source",
            f"source_name={SOURCE}",
            f"file={pipe}",
            "format=s16le",
            f"rate={RATE}",
            "channels=1",
            "source_properties=\"device.description='Otolith Mic'\"",
        )
        try:
            yield pipe
        finally:
            with contextlib.suppress(UserError):  # the sound server may have gone before us
                _pactl("unload-module", module)
