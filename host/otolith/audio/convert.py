"""Turns any sound file into 16 kHz, 16 bit, mono WAV clips, a block at a time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith.audio.arrays import Pcm
from otolith.audio.decode import BadSound
from otolith.audio.rate import RATE
from otolith.audio.reading import sample_blocks, to_pcm
from otolith.audio.wav import WavWriter
from otolith.files import disk_errors

HASH = 16  # hex digits
_SHORTEST = 0.5  # share of a clip's length; a shorter rest is dropped


@dataclass
class Converted:
    """What became of a sound file.

    Attributes:
        origin: The hash of its content.
        clips: Temporary WAV files, in order.
        cut_off: How many samples were beyond full scale.
        dropped: How many clips were too short or nothing but zeros.
        known: Whether the hash was known, so that nothing was done.
        problem: Why there are no clips, without the name of the file.
        warning: Why samples may be missing; a line with the name of the file.
    """

    origin: str = ""
    clips: list[Path] = field(default_factory=list)
    cut_off: int = 0
    dropped: int = 0
    known: bool = False
    problem: str | None = None
    warning: str | None = None

    def warn(self, line: str) -> None:
        """Keep a warning of the reader."""
        self.warning = line


def hash_of(path: Path) -> str:
    """The first HASH hex digits of the SHA-256 of a file's content. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:HASH]


class _Clips:
    """Writes PCM as clips of `length` samples (0: one clip) into `folder`."""

    def __init__(self, folder: Path, length: int, to: Converted) -> None:
        self._folder, self._length, self._to = folder, length, to
        self._wav: WavWriter | None = None
        self._written = 0
        self._sound = False

    def add(self, pcm: Pcm) -> None:
        while len(pcm):
            if self._wav is None:
                path = self._folder / f"{len(self._to.clips) + self._to.dropped:06}.wav"
                self._to.clips.append(path)
                self._wav = WavWriter(path, sync=False)
                self._written, self._sound = 0, False
            room = self._length - self._written if self._length else len(pcm)
            part, pcm = pcm[:room], pcm[room:]
            self._wav.write(part)
            self._written += len(part)
            self._sound = self._sound or bool(part.any())
            if self._written == self._length:
                self._end()

    def _end(self) -> None:
        self.abandon()
        if self._length and not self._sound:
            self._drop()

    def _drop(self) -> None:
        self._to.clips.pop().unlink()
        self._to.dropped += 1

    def finish(self) -> None:
        """End the last clip. A clip that is too short is dropped unless it is the only one."""
        if self._wav is None:
            return
        self._end()
        short = self._written < _SHORTEST * self._length
        if self._length and self._sound and short and len(self._to.clips) > 1:
            self._drop()

    def abandon(self) -> None:
        """Close the file that is being written."""
        if self._wav is not None:
            self._wav.close()
        self._wav = None


def convert(path: Path, folder: Path, seconds: float, known: frozenset[str]) -> Converted:
    """Write the clips of a sound file into a new folder.

    Args:
        path: A sound file of any format.
        folder: Is made here.
        seconds: Length of a clip; 0 for one clip.
        known: Hashes of files that are not converted again.

    Returns:
        The clips. What is wrong with the file is in `problem` or `warning`.

    Raises:
        UserError: `folder` can't be written to.
    """
    found = Converted()
    try:
        found.origin = hash_of(path)
    except OSError as error:
        found.problem = f"can't be read: {error.strerror}"
        return found
    found.known = found.origin in known
    if found.known:
        return found
    clips = None
    try:
        with disk_errors(folder):
            folder.mkdir()
            clips = _Clips(folder, round(seconds * RATE), found)
            for block in sample_blocks(path, found.warn):
                scaled = np.round(block * 32768)
                found.cut_off += int(np.count_nonzero((scaled > 32768) | (scaled < -32769)))
                clips.add(to_pcm(block))
            clips.finish()
    except BadSound as error:
        found.problem = error.reason
    finally:
        if clips is not None:
            clips.abandon()
    if found.problem:
        for clip in found.clips:
            clip.unlink(missing_ok=True)
        found.clips = []
    return found
