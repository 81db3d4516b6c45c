"""Reads sound to classify from files, microphones and standard input, in blocks of PCM."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from otolith.audio.arrays import Pcm
from otolith.audio.blocks import pcm_of
from otolith.audio.reading import pcm_blocks
from otolith.errors import UserError, shown
from otolith.progress import remark

_POLL_S = 0.1
_BLOCK = 4096  # bytes


def of_file(path: Path) -> Iterator[Pcm]:
    """Read a sound file of any format, rate and number of channels.

    Yields:
        int16 blocks at 16 kHz, mono.

    Raises:
        UserError: The file does not exist or can't be read.
    """
    if not path.exists():
        raise UserError(f"{shown(path)}: no such file")
    yield from pcm_blocks(path)


def of_stdin(stop: object) -> Iterator[Pcm]:
    """Read raw PCM (int16, little-endian, 16 kHz, mono) until it ends or `stop` is true."""
    file, left = sys.stdin.fileno(), b""
    while not stop:
        if not select.select([file], [], [], _POLL_S)[0]:
            continue
        data = os.read(file, _BLOCK)
        if not data:
            break
        left += data
        whole = len(left) // 2 * 2
        yield np.frombuffer(left[:whole], "<i2").astype(np.int16)
        left = left[whole:]


def of_microphone(device: str | None, stop: object) -> Iterator[Pcm]:
    """Read a microphone until `stop` is true.

    Args:
        device: Name or number. None: the Otolith microphone, or else the computer's.
        stop: Reading ends as soon as this is true.

    Yields:
        int16 blocks at 16 kHz, mono.

    Raises:
        UserError: There is no such microphone, or it can't be opened.
    """
    from otolith.record.microphone import Microphone, ours_or_default

    with contextlib.closing(Microphone(device or ours_or_default())) as microphone:
        remark(f"listening to {shown(microphone.name)}: Ctrl-C ends")
        yield from pcm_of(microphone, stop, lambda line: click.echo(line, err=True))
