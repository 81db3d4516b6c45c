"""Where sound comes from: files, microphones, standard input. int16 at 16 kHz, in blocks."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from otolith.audio import RATE
from otolith.audio.convert import readable
from otolith.errors import UserError

_POLL_S = 0.1
_BLOCK = 4096  # bytes


def of_file(path: Path) -> Iterator[np.ndarray]:
    """A WAV, FLAC or Ogg file of any rate and channel count."""
    if not path.exists():
        raise UserError(f"{path}: no such file")
    try:
        for block in readable(path):
            yield np.clip(np.round(block * 32768), -32768, 32767).astype(np.int16)
    except UserError as error:
        raise UserError(f"{path}: {error.message}") from error


def of_stdin(stop: object) -> Iterator[np.ndarray]:
    """Raw int16, little-endian, 16 kHz, mono, until its end or until `stop` is true."""
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


def of_microphone(device: str | None, stop: object) -> Iterator[np.ndarray]:
    """A microphone by name or number, else ours, else the computer's, until `stop` is true. What it
    lost is silence, and said."""
    from otolith.record.microphone import Microphone, ours_or_default

    with contextlib.closing(Microphone(device or ours_or_default())) as microphone:
        click.echo(f"listening to {microphone.name}: Ctrl-C ends", err=True)
        while not stop:
            block = microphone.read()
            if block.overflows:
                click.echo("samples were lost: this computer is too busy", err=True)
            yield np.concatenate([np.zeros(block.lost, np.int16), block.pcm])


def at_most(blocks: Iterator[np.ndarray], seconds: float | None) -> Iterator[np.ndarray]:
    """The first `seconds` of `blocks`."""
    if seconds is None:
        yield from blocks
        return
    left = round(seconds * RATE)
    for block in blocks:
        yield block[:left]
        left -= len(block)
        if left <= 0:
            return
