"""Gives a virtual microphone's PCM to other programs: through a pipe, or as a PulseAudio source."""

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
    """Writes raw int16 little-endian PCM to a file or a FIFO, which it creates if it is missing.

    PCM that comes while no program reads the FIFO is dropped.
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
            with contextlib.suppress(OSError, ImportError):
                import fcntl

                fcntl.fcntl(self._fd, _F_SETPIPE_SZ, _PIECE)
        return True

    def write(self, data: bytes) -> None:
        """Write as much as the reader takes, and keep the rest for later."""
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
        """Give a slow reader a moment for the rest, then close. The FIFO stays in its place."""
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
    """Add a microphone "Otolith Mic" to the running PulseAudio; yields the pipe that feeds it."""
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
