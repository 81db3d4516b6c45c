"""Stores takes: a WAV file and its row in metadata.csv, both or neither."""

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

UNFINISHED = ".unfinished-"  # in front of files that are being recorded, or were when killed
_ROOM = 4 * RATE  # samples that are given up on a full disk to make room for the row


class Store:
    """Stores takes of one label. `row` holds what all of them have in common."""

    def __init__(self, dataset: Path, row: Row) -> None:
        self.dataset = dataset
        self.row = row
        self.folder = inside(dataset, f"{folder_of(row.label)}/x").parent
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        metadata.load(dataset)  # reports a broken metadata.csv before recording

    def leftovers(self) -> list[Path]:
        """Valid WAV files of recordings that were killed."""
        found = sorted(self.folder.glob(f"{UNFINISHED}*.wav"))
        return [path for path in found if not is_being_written(path)]

    def begin(self, at: datetime) -> WavWriter:
        """Create the file of a take that begins at a time."""
        while True:
            path = self.folder / f"{UNFINISHED}{_stem(at)}.wav"
            with disk_errors(path):
                try:
                    return WavWriter(path)
                except FileExistsError:
                    at += timedelta(milliseconds=1)

    def keep(self, take: WavWriter, at: datetime, source: str = "") -> str:
        """Give a take its final name and its row. Names are unique and sort by time.

        Returns its path below the dataset. On an error there is no row, and the file is an
        unfinished one again.
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
        """Keep a long take on a full disk: its last seconds are cut to make room for its row."""
        with disk_errors(take.path):
            take.shorten(max(0, take.samples - _ROOM))
        return self.keep(take, at)

    def close(self) -> None:
        """Remove the folders if nothing was recorded into them."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()
            self.dataset.rmdir()


def _stem(at: datetime) -> str:
    """A file name for a time, in UTC because local time jumps back once a year."""
    return at.astimezone(timezone.utc).strftime("%Y%m%d-%H%M%S-%f")[:-3]
