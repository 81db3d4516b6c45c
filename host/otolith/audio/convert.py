"""Any sound file to 16 kHz, 16 bit, mono WAV clips, a block at a time: length costs no memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import numpy as np

from otolith.audio.rate import RATE, RATES
from otolith.audio.reading import BLOCK, bytes_missing
from otolith.audio.wav_header import header
from otolith.errors import UserError

HASH = 16  # hex digits of a source's SHA-256 that are kept
_SHORTEST = 0.5  # of a clip's length: a shorter rest is no clip
_CHANNELS = 64


@dataclass
class Converted:
    """What became of a file. origin: its hash. clips: temporary WAV files, in order.

    cut_off: samples beyond full scale. dropped: rests too short and clips of nothing but zeros.
    problem: a line, and there are no clips.
    """

    origin: str = ""
    clips: list[Path] = field(default_factory=list)
    cut_off: int = 0
    dropped: int = 0
    known: bool = False
    problem: str | None = None


def hash_of(path: Path) -> str:
    """A file's content in HASH hex digits. OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:HASH]


def mono(path: Path) -> Iterator[np.ndarray]:
    """Blocks of a sound file as float64 at 16 kHz, 1 is full scale; UserError without its name."""
    import soundfile
    import soxr

    frames = 0
    with soundfile.SoundFile(os.fspath(path)) as file:
        rate, channels, announced = file.samplerate, file.channels, file.frames
        if not RATES[0] <= rate <= RATES[1]:
            raise UserError(f"{rate} Hz: {RATES[0]} to {RATES[1]} Hz are taken")
        if channels > _CHANNELS:
            raise UserError(f"{channels} channels: up to {_CHANNELS} are taken")
        resample = None
        if rate != RATE:
            resample = soxr.ResampleStream(rate, RATE, 1, dtype="float64", quality="VHQ")
        while len(block := file.read(BLOCK // channels, dtype="float64", always_2d=True)):
            frames += len(block)
            if not np.isfinite(block).all():
                raise UserError("has samples that are not numbers")
            one = block.mean(axis=1)
            yield resample.resample_chunk(one) if resample else one
    missing = bytes_missing(path)
    if missing or frames < announced < 1 << 40:
        lost = f"{missing} bytes" if missing else f"{announced - frames} samples"
        raise UserError(f"cut short: {lost} of what it announces are missing")
    if not frames:
        raise UserError("no samples in it")
    if resample:
        yield resample.resample_chunk(np.empty(0), last=True)


def readable(path: Path) -> Iterator[np.ndarray]:
    """mono(), and whatever makes a file unreadable is UserError without its name."""
    import soundfile

    try:
        yield from mono(path)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error)
        if isinstance(error, soundfile.LibsndfileError):
            reason = error.error_string
        text = " ".join(reason.split())
        raise UserError(f"not a sound file that can be read: {text}") from error


def _write(file: FileIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]


class _Clips:
    """Writes what it is given as clips of `length` samples (0: one clip) into `folder`."""

    def __init__(self, folder: Path, length: int, to: Converted) -> None:
        self._folder, self._length, self._to = folder, length, to
        self._wav: FileIO | None = None
        self._written = 0
        self._sound = False

    def add(self, pcm: np.ndarray) -> None:
        while len(pcm):
            if self._wav is None:
                path = self._folder / f"{len(self._to.clips) + self._to.dropped:06}.wav"
                self._to.clips.append(path)
                # unbuffered: what a full disk refuses is not tried again when it is closed
                self._wav = FileIO(path, "x+")
                _write(self._wav, bytes(44))
                self._written, self._sound = 0, False
            room = self._length - self._written if self._length else len(pcm)
            part, pcm = pcm[:room], pcm[room:]
            _write(self._wav, part.astype("<i2").tobytes())
            self._written += len(part)
            self._sound = self._sound or bool(part.any())
            if self._written == self._length:
                self._end()

    def _end(self) -> None:
        if self._wav is not None:
            self._wav.seek(0)
            _write(self._wav, header(2 * self._written))
            self._wav.close()
        self._wav = None
        if self._length and not self._sound:
            self._drop()

    def _drop(self) -> None:
        self._to.clips.pop().unlink()
        self._to.dropped += 1

    def finish(self) -> None:
        """The last clip; kept if it is long enough or the only one."""
        if self._wav is None:
            return
        self._end()
        short = self._written < _SHORTEST * self._length
        if self._length and self._sound and short and len(self._to.clips) > 1:
            self._drop()

    def abandon(self) -> None:
        if self._wav is not None:
            self._wav.close()


def convert(path: Path, folder: Path, seconds: float, known: frozenset[str]) -> Converted:
    """Write `path`'s clips into `folder` (made here) unless its hash is `known`.

    seconds: length of a clip, 0 for one clip. What is wrong is in the result's problem; errors of
    the disk written to are UserError.
    """
    found = Converted()
    try:
        found.origin = hash_of(path)
        if path.stat().st_size == 0:
            raise UserError("empty")
    except OSError as error:
        found.problem = f"can't be read: {error.strerror}"
        return found
    except UserError as error:
        found.problem = error.message
        return found
    found.known = found.origin in known
    if found.known:
        return found
    blocks = readable(path)
    clips = None
    try:
        folder.mkdir()
        clips = _Clips(folder, round(seconds * RATE), found)
        while True:
            try:
                block = next(blocks, None)
            except UserError as error:
                found.problem = error.message
            if found.problem or block is None:
                break
            scaled = np.round(block * 32768)
            pcm = np.clip(scaled, -32768, 32767)
            found.cut_off += int(np.count_nonzero(np.abs(scaled - pcm) > 1))  # 1: full scale
            clips.add(pcm.astype(np.int16))
        if not found.problem:
            clips.finish()
    except OSError as error:
        todo = ": free some space" if error.errno == 28 else ""
        raise UserError(f"can't write {folder}: {error.strerror}{todo}") from error
    finally:
        blocks.close()
        if clips is not None:
            clips.abandon()
    if found.problem:
        for clip in found.clips:
            clip.unlink(missing_ok=True)
        found.clips = []
    return found
