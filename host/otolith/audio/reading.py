"""Reads any sound file as PCM: int16, one channel, 16 kHz.

Every reader in this package uses pcm_blocks(), so a file has the same samples wherever it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np

from otolith.audio.arrays import Pcm, Samples
from otolith.audio.decode import BadSound, SoundFile
from otolith.audio.rate import RATE
from otolith.errors import shown

Warn = Callable[[str], None]

_said: set[str] = set()


def say(line: str) -> None:
    """Print a warning to standard error, each one once."""
    if line not in _said:
        _said.add(line)
        click.echo(line, err=True)


def to_pcm(samples: Samples) -> Pcm:
    """Round samples (full scale is 1) to int16; what is beyond full scale is cut off."""
    pcm: Pcm = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    return pcm


def sample_blocks(path: Path | str, warn: Warn = say, size: int = 0) -> Iterator[Samples]:
    """Decode a sound file, mix its channels and resample it to RATE, a block at a time.

    The channels are mixed to their mean. The resampler is soxr's "VHQ".

    Args:
        path: A file of any format that libsndfile or FFmpeg reads.
        warn: Gets one line if the file is cut short or damaged, after its last block.
        size: Samples a block, before resampling; 0 for the default.

    Yields:
        Blocks of any length; full scale is 1.

    Raises:
        BadSound: The file can't be read, or nothing of it can be decoded.
    """
    with SoundFile(path) as file:
        yield from _resampled(file, size)
        if file.problem:
            warn(f"{shown(path)}: {file.problem}: {file.frames / file.rate:.2f} s could be read")


def _resampled(file: SoundFile, size: int) -> Iterator[Samples]:
    if file.rate == RATE:
        yield from file.blocks(size)
        return
    import soxr

    stream = soxr.ResampleStream(file.rate, RATE, 1, dtype="float64", quality="VHQ")
    for block in file.blocks(size):
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0), last=True)


def pcm_blocks(path: Path | str, warn: Warn = say, size: int = 0) -> Iterator[Pcm]:
    """Read a sound file as PCM, a block at a time: an hour costs no memory.

    Args:
        path: A file of any format, rate and number of channels.
        warn: Gets one line if the file is cut short or damaged. Default: standard error.
        size: Samples a block, before resampling; 0 for the default.

    Raises:
        BadSound: The file can't be read, or nothing of it can be decoded.
    """
    for block in sample_blocks(path, warn, size):
        if len(block):
            yield to_pcm(block)


def read_pcm(path: Path | str, resample: bool = False, warn: Warn = say) -> Pcm:
    """Read a whole sound file as PCM.

    Args:
        path: A file of any format.
        resample: Take any rate, format and number of channels. Without it, only 16 kHz, 16 bit,
            mono is taken: what is trained on must be what was recorded.
        warn: Gets one line if the file is cut short or damaged. Default: standard error.

    Raises:
        BadSound: The file can't be read, nothing of it can be decoded, or it has another format
            than 16 kHz, 16 bit, mono and `resample` is not set.
    """
    if not resample:
        with SoundFile(path) as file:
            if (file.rate, file.channels, file.subtype) != (RATE, 1, "PCM_16"):
                kind = f", {file.subtype}" if file.subtype else ""
                raise BadSound(
                    path,
                    f"{file.rate} Hz, {file.channels} channel(s){kind}: need {RATE} Hz, mono, "
                    "PCM_16 (or ask for resampling)",
                )
    blocks = list(pcm_blocks(path, warn))
    if not blocks:
        raise BadSound(path, "no samples in it")
    return np.concatenate(blocks)


def announced(path: Path | str) -> int | None:
    """Samples at RATE that a file says it holds; None if it does not say.

    Raises:
        BadSound: The file can't be read.
    """
    with SoundFile(path) as file:
        return round(file.announced * RATE / file.rate) if file.announced else None


def length_of(path: Path | str) -> int:
    """Samples at RATE that a file announces; a file that does not say is decoded to its end.

    Raises:
        BadSound: The file can't be read.
    """
    return announced(path) or sum(len(block) for block in pcm_blocks(path, warn=lambda line: None))
