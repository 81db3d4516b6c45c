"""A journal file that survives a worker killed, or a disk filled, in the middle of a line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock


class Journal(JournalFileBackend):
    """Optuna's journal file, which also survives a half-written last line.

    Optuna would append to that line, and no reader could get past it.
    """

    def __init__(self, path: Path) -> None:
        # Opened exclusively, not a symbolic link: network shares and Windows have no links.
        self._file_lock = JournalFileOpenLock(str(path))
        super().__init__(str(path), lock_obj=self._file_lock)
        self._path = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines; a half-written line before them is removed first."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._file_lock.acquire()
        try:
            drop_half_line(self._path)
            with self._path.open("ab") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        finally:
            self._file_lock.release()


def drop_half_line(path: Path) -> None:
    """Remove what follows the end of the last line: its writer never saw it succeed."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        place, block = end, b""
        while place and b"\n" not in block:
            size = min(4096, place)
            place = file.seek(place - size)
            block = file.read(size)
        whole = place + block.rfind(b"\n") + 1
        if whole < end:
            file.truncate(whole)
