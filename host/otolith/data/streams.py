"""Long recordings without the sounds a model listens for: what it must not answer to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith import paths
from otolith.audio import RATE, SOUNDS, read_pcm
from otolith.data.synthetic import Progress, quiet
from otolith.errors import UserError, shown

STREAM = 60 * RATE  # short clips are joined to streams of about this length
FADE = RATE // 100  # samples over which neighbours are blended
MOST_HOURS = 12.0  # read into memory


@dataclass(frozen=True)
class Stream:
    """A continuous recording.

    pcm: int16 at 16 kHz. label: Number of the class its windows belong to. source: Where it is
    from, in words, for reports.
    """

    pcm: np.ndarray = field(repr=False)
    label: int
    source: str

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.pcm) / RATE


def joined(clips: Sequence[np.ndarray], label: int, source: str) -> list[Stream]:
    """Joins clips to streams of about a minute, blended into each other; long ones stay alone.

    Args:
        clips: int16 samples of each.
        label: The class of all of them.
        source: Where they are from.
    """
    streams: list[Stream] = []
    parts: list[np.ndarray] = []
    length = 0

    def finish() -> None:
        nonlocal parts, length
        if parts:
            streams.append(Stream(_blended(parts), label, source))
        parts, length = [], 0

    for clip in clips:
        if len(clip) <= 2 * FADE:
            continue
        parts.append(clip)
        length += len(clip)
        if length >= STREAM:
            finish()
    finish()
    return streams


def _blended(parts: Sequence[np.ndarray]) -> np.ndarray:
    ramp = np.linspace(0, 1, FADE, dtype=np.float32)
    out = [parts[0].astype(np.float32)]
    for part in parts[1:]:
        new = part.astype(np.float32)
        new[:FADE] = new[:FADE] * ramp + out[-1][-FADE:] * ramp[::-1]
        out[-1] = out[-1][:-FADE]
        out.append(new)
    return np.concatenate(out).astype(np.int16)


def sound_files(folder: Path) -> list[Path]:
    """The sound files below a folder, sorted by path.

    Raises:
        UserError: There is no such folder, or no sound in it.
    """
    if not folder.is_dir():
        raise UserError(f"[data] negatives: {shown(folder)}: no such folder")
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SOUNDS)
    if not files:
        raise UserError(f"[data] negatives: {shown(folder)}: no sound files in it")
    return files


def find_folder(name: str) -> Path:
    """A folder that [data] negatives names: relative to where you are, else to $OTOLITH_DATA."""
    folder = Path(name)
    if folder.is_dir() or folder.is_absolute():
        return folder
    other = paths.test_data() / name
    return other if other.is_dir() else folder


def read_negatives(
    names: Sequence[str], label: int, progress: Progress = quiet
) -> tuple[list[Stream], list[str]]:
    """Reads the folders of [data] negatives.

    Args:
        names: The folders, or single sound files.
        label: The class of their sounds.
        progress: Called as the work proceeds.

    Returns:
        The streams, of MOST_HOURS at most, and a line for each thing worth a warning.

    Raises:
        UserError: A folder is missing or has no sounds, or a file can't be read.
    """
    streams: list[Stream] = []
    notes: list[str] = []
    left = MOST_HOURS * 3600 * RATE
    for name in names:
        path = find_folder(name)
        files = [path] if path.is_file() else sound_files(path)
        clips: list[np.ndarray] = []
        for number, file in enumerate(files):
            if left <= 0:
                notes.append(
                    f"[data] negatives: only the first {MOST_HOURS:g} hours are used: "
                    f"{len(files) - number} files of {shown(path)} are left out"
                )
                break
            progress("negatives", (number + 1) / len(files))
            pcm = read_pcm(file, resample=True)
            left -= len(pcm)
            clips.append(pcm)
        streams += joined(clips, label, shown(path))
    return streams, notes
