"""Clips of a dataset: their rows in metadata.csv and the contents of their files."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith.audio import RATE, SOUNDS
from otolith.audio.levels import Levels
from otolith.audio.wav_header import PCM, BadWav, Header, blocks
from otolith.data import metadata
from otolith.data.metadata import Metadata, Row
from otolith.data.names import inside
from otolith.errors import UserError, shown


@dataclass(slots=True)
class Clip:
    """The contents of a sound file.

    Attributes:
        file: Path of the file as in metadata.csv.
        header: Its WAV header. None if it can't be read.
        digest: SHA-256 of the samples and their format. Empty if the file can't be read.
        seconds: Length in seconds.
        levels: Levels of the samples. None if the file is not 16 kHz, 16 bit, mono.
        dc: Mean of the samples, where full scale is 1.
        problem: Why the clip can't be used. None if it can.
        missing: Whether there is no such file.
    """

    file: str
    header: Header | None = None
    digest: bytes = b""
    seconds: float = 0.0
    levels: Levels | None = None
    dc: float = 0.0
    problem: str | None = None
    missing: bool = False


def is_ours(header: Header) -> bool:
    """Whether a file is 16 kHz, 16 bit PCM, mono."""
    return (header.format, header.rate, header.bits, header.channels) == (PCM, RATE, 16, 1)


def measure(dataset: Path, file: str, levels: bool = True) -> Clip:
    """Read a clip and measure it.

    Args:
        dataset: Folder of the dataset.
        file: Path of the clip as in metadata.csv.
        levels: Whether to measure levels and DC too.

    Returns:
        The clip. If it can't be used, `problem` says why. No exception is raised.
    """
    clip = Clip(file)
    try:
        path = inside(dataset, file)
    except UserError:
        clip.problem = "its folder is a link that leads out of the dataset"
        return clip
    digest = hashlib.sha256()
    total = 0
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
            raise BadWav("no regular file")
        for block in blocks(path):
            if isinstance(block, Header):
                clip.header = block
                about = (block.format, block.rate, block.bits, block.channels)
                digest.update(repr(about).encode())
                clip.levels = Levels() if levels and is_ours(block) else None
                continue
            digest.update(block)
            if clip.levels is not None:
                pcm = np.frombuffer(block, "<i2")
                clip.levels.add(pcm)
                total += int(pcm.sum(dtype=np.int64))
    except BadWav as error:
        clip.problem = str(error)
    except (FileNotFoundError, NotADirectoryError):
        clip.problem, clip.missing = "no such file", True
    except (OSError, ValueError) as error:
        clip.problem = f"can't be read: {getattr(error, 'strerror', None) or error}"
    if clip.levels is not None:
        clip.levels.finish()
    header = clip.header
    if header is None or clip.problem:
        clip.levels = None
        return clip
    clip.digest = digest.digest()
    frames = header.length // header.frame if header.frame else 0
    clip.seconds = frames / header.rate
    clip.dc = total / frames / 32768 if frames else 0.0
    if not header.length:
        clip.problem = "no samples in it"
    elif not is_ours(header):
        clip.problem = f"{header}: need {RATE} Hz, 16 bit PCM, mono (host data import converts)"
    return clip


def sound_files(dataset: Path, problems: list[str]) -> Iterator[str]:
    """List the sound files below `dataset`, sorted, without hidden files and folders.

    Args:
        dataset: Folder of the dataset.
        problems: A line is appended for each folder that can't be read.

    Yields:
        Paths relative to `dataset`, as in metadata.csv.
    """

    def unreadable(error: OSError) -> None:
        problems.append(f"{shown(error.filename)}: {error.strerror}: give yourself access")

    for folder, folders, files in os.walk(dataset, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SOUNDS:
                yield Path(os.path.relpath(os.path.join(folder, name), dataset)).as_posix()


@dataclass
class Dataset:
    """The rows of metadata.csv and their clips, in the same order."""

    metadata: Metadata
    clips: list[tuple[Row, Clip]] = field(default_factory=list)


def open_rows(dataset: Path) -> Metadata:
    """Load the rows of a dataset. Raises UserError if it does not exist or has no metadata.csv."""
    if not dataset.is_dir():
        raise UserError(f"{shown(dataset)}: no such folder: name a dataset with --dataset")
    if not (dataset / metadata.NAME).exists():
        raise UserError(
            f"{shown(dataset)}: no {metadata.NAME} in it: host record and host data import make one"
        )
    return metadata.load(dataset)


def read_dataset(dataset: Path, rows: Metadata, step: Callable[[], None]) -> Dataset:
    """Measure the clip of every row. Calls `step` after each."""
    found = Dataset(rows)
    for row in rows.rows:
        found.clips.append((row, measure(dataset, row.file)))
        step()
    return found
