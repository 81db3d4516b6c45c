"""Stores takes. A take has both a WAV file and a row in metadata.csv, or neither."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from otolith.audio import RATE
from otolith.audio.wav import WavWriter, is_being_written
from otolith.data import metadata
from otolith.data.metadata import Row
from otolith.data.names import folder_of, inside
from otolith.files import disk_errors

UNFINISHED = ".unfinished-"  # prefix of files whose recording is not finished
_ROOM = 4 * RATE  # samples dropped on a full disk to make room for the row


class Store:
    """Stores takes of one label.

    Args:
        dataset: Folder of the dataset. It is created if it does not exist.
        row: The columns that all takes share.

    Raises:
        UserError: The folder can't be used, or metadata.csv is broken.
    """

    def __init__(self, dataset: Path, row: Row) -> None:
        self.dataset = dataset
        self.row = row
        self.folder = inside(dataset, f"{folder_of(row.label)}/x").parent
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        metadata.load(dataset)  # reports a broken metadata.csv before recording

    def leftovers(self) -> list[Path]:
        """Unfinished WAV files left by commands that were killed. They are valid."""
        found = sorted(self.folder.glob(f"{UNFINISHED}*.wav"))
        return [path for path in found if not is_being_written(path)]

    def begin(self, at: datetime) -> WavWriter:
        """Create the unfinished file of a take that begins at `at`. Raises UserError."""
        while True:
            path = self.folder / f"{UNFINISHED}{_stem(at)}.wav"
            with disk_errors(path):
                try:
                    return WavWriter(path)
                except FileExistsError:
                    at += timedelta(milliseconds=1)

    def keep(self, take: WavWriter, at: datetime, source: str = "") -> str:
        """Give a take its final name and its row. Names are unique and sort by time.

        Args:
            take: The unfinished file.
            at: When the take began.
            source: The recording it was cut from, or "".

        Returns:
            Its path relative to the dataset.

        Raises:
            UserError: The disk can't be written. The file is unfinished again and has no row.
        """
        with disk_errors(self.folder), metadata.lock(self.dataset):
            while (path := self.folder / f"{_stem(at)}.wav").exists():
                at += timedelta(milliseconds=1)
            take.finish(path)
        file = path.relative_to(self.dataset).as_posix()
        date = at.astimezone().isoformat(timespec="seconds")
        try:
            with disk_errors(self.dataset / metadata.NAME):
                metadata.add_row(
                    self.dataset, replace(self.row, file=file, date=date, source=source)
                )
        except BaseException:
            take.rename(path.with_name(UNFINISHED + path.name))
            raise
        return file

    def rescue(self, take: WavWriter, at: datetime) -> str:
        """Keep a long take on a full disk. Drops its last seconds to make room for its row."""
        with disk_errors(take.path):
            take.shorten(max(0, take.samples - _ROOM))
        return self.keep(take, at)

    def close(self) -> None:
        """Remove the folders if nothing was recorded into them."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()
            self.dataset.rmdir()


def _stem(at: datetime) -> str:
    """A file name for a time. It is in UTC, because local time jumps back once a year."""
    return at.astimezone(timezone.utc).strftime("%Y%m%d-%H%M%S-%f")[:-3]
