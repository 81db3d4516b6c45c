"""Adds clips to a dataset. Files and rows are added together or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from otolith.audio.wav import write_wav
from otolith.data import metadata
from otolith.data.metadata import Metadata, Row
from otolith.data.names import inside
from otolith.files import cannot_write, owner_tag


class Batch:
    """New clips. They stay in a hidden folder of the dataset until save() adds them all."""

    def __init__(self, dataset: Path, folder: Path) -> None:
        self.dataset = dataset
        self._folder = folder
        self._clips: list[tuple[Path, Row]] = []

    def add(self, pcm: np.ndarray, row: Row) -> None:
        """Add a clip.

        Args:
            pcm: int16 samples at 16 kHz, mono.
            row: Its row. If the name in row.file is taken, save() appends a number to it.
        """
        path = self._folder / f"{len(self._clips):06}.wav"
        write_wav(path, pcm)
        self._clips.append((path, row))

    def take(self, file: Path, row: Row) -> None:
        """Add a copy of the WAV file `file` with the given row."""
        path = self._folder / f"{len(self._clips):06}.wav"
        path.write_bytes(file.read_bytes())
        self._clips.append((path, row))

    def __len__(self) -> int:
        return len(self._clips)

    def save(self) -> list[Row]:
        """Name the files, move them into the dataset and write their rows. Returns the rows."""
        if not self._clips:
            return []
        with metadata.lock(self.dataset):
            found = metadata.load(self.dataset)
            taken = {row.file for row in found.rows}
            for _, row in self._clips:
                row.file = _free(row.file, taken, self.dataset)
            with metadata.pending(self.dataset, [row.file for _, row in self._clips]):
                self._move(found)
        return [row for _, row in self._clips]

    def _move(self, found: Metadata) -> None:
        """Move the clips into place and save their rows. Undo both on an error."""
        moved: list[Path] = []
        try:
            for temporary, row in self._clips:
                path = inside(self.dataset, row.file)
                path.parent.mkdir(exist_ok=True)
                temporary.replace(path)
                moved.append(path)
                found.rows.append(row)
                found.columns += [name for name in row.extra if name not in found.columns]
            found.save(self.dataset)
        except BaseException:
            for path in moved:
                path.unlink(missing_ok=True)
            raise


def _free(file: str, taken: set[str], dataset: Path) -> str:
    stem, name, number = file.removesuffix(".wav"), file, 1
    while name in taken or (dataset / name).exists():
        number += 1
        name = f"{stem}-{number}.wav"
    taken.add(name)
    return name


@contextmanager
def batch(dataset: Path) -> Iterator[Batch]:
    """Collect clips for a dataset. Only Batch.save() adds them.

    Args:
        dataset: Folder of the dataset. It is created if it does not exist.

    Raises:
        UserError: The disk can't be written.
    """
    try:
        dataset.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".adding{owner_tag()}", dir=dataset) as folder:
            yield Batch(dataset, Path(folder))
    except OSError as error:
        raise cannot_write(dataset, error) from error
