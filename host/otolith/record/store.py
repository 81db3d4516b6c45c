"""Takes on disk: a WAV file and its row in metadata.csv, both or none."""

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

UNFINISHED = ".unfinished-"  # a file that is being recorded, or was when the program was killed
_ROOM = 4 * RATE  # samples given up on a full disk, so that the row has its place


class Store:
    """Where takes of one label go. `row` is what all of them have in common."""

    def __init__(self, dataset: Path, row: Row) -> None:
        self.dataset = dataset
        self.row = row
        self.folder = inside(dataset, f"{folder_of(row.label)}/x").parent
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        metadata.load(dataset)  # a file that makes no sense is better found before recording

    def leftovers(self) -> list[Path]:
        """Recordings that were killed: valid WAV files under names nobody looks for."""
        found = sorted(self.folder.glob(f"{UNFINISHED}*.wav"))
        return [path for path in found if not is_being_written(path)]

    def begin(self, at: datetime) -> WavWriter:
        """A file for a take that begins `at`."""
        while True:
            path = self.folder / f"{UNFINISHED}{_stem(at)}.wav"
            with disk_errors(path):
                try:
                    return WavWriter(path)
                except FileExistsError:
                    at += timedelta(milliseconds=1)

    def keep(self, take: WavWriter, at: datetime, source: str = "") -> str:
        """Give a take its name, which no other file has and which sorts by time, and its row.

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
        """keep() on a full disk: the last seconds of a long take give way to its row."""
        with disk_errors(take.path):
            take.shorten(max(0, take.samples - _ROOM))
        return self.keep(take, at)

    def close(self) -> None:
        """Remove the folders if nothing was recorded into them."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()
            self.dataset.rmdir()


def _stem(at: datetime) -> str:
    """UTC: local time jumps back once a year."""
    return at.astimezone(timezone.utc).strftime("%Y%m%d-%H%M%S-%f")[:-3]
