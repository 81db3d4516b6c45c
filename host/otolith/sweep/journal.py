"""A journal file that survives a crash or a full disk in the middle of a line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock


class Journal(JournalFileBackend):
    """Optuna's journal file, but it survives an incomplete last line.

    Optuna would append to that line, and then no reader could read past it.
    """

    def __init__(self, path: Path) -> None:
        # Not the symbolic-link lock: Windows and some network shares have no links.
        self._file_lock = JournalFileOpenLock(str(path))
        super().__init__(str(path), lock_obj=self._file_lock)
        self._path = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Appends lines, after it removes an incomplete last line."""
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
    """Removes an incomplete last line. Its writer never saw the write succeed."""
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
