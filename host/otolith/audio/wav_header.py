"""Reads and writes the headers of WAV files.

Libraries say nothing about a file that is cut short or ends within a sample. This reader does, and
it is quick enough to check every file of a dataset.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from otolith.audio.rate import RATE

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
_FORMATS = {PCM: "PCM", FLOAT: "float", 6: "A-law", 7: "mu-law", 17: "ADPCM"}
# WAVE_FORMAT_EXTENSIBLE has a GUID: two bytes of format, then these.
_GUID = bytes.fromhex("000000001000800000aa00389b71")
BLOCK = 1 << 20  # bytes


class BadWav(ValueError):
    """A WAV file that can't be used. The message says why, without the name of the file."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a WAV file says.

    Attributes:
        format: PCM, FLOAT or another number of the RIFF registry.
        channels: Number of channels.
        rate: Hz.
        bits: A sample.
        start: Where the samples begin, in bytes.
        length: Bytes of samples.
    """

    format: int
    channels: int
    rate: int
    bits: int
    start: int
    length: int

    @property
    def frame(self) -> int:
        """Bytes of one sample of all channels; 0 for formats without a fixed size."""
        if self.format not in (PCM, FLOAT):
            return 0
        return self.channels * ((self.bits + 7) // 8)

    def __str__(self) -> str:
        kind = _FORMATS.get(self.format, f"format {self.format}")
        return f"{self.rate} Hz, {self.bits} bit {kind}, {self.channels} channel(s)"


def header(data_bytes: int) -> bytes:
    """The header (44 bytes) of a 16 kHz, 16 bit, mono file with `data_bytes` of samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + data_bytes, b"WAVE", b"fmt ", 16, PCM, 1),
        *(RATE, 2 * RATE, 2, 16, b"data", data_bytes),
    )


def _format(body: bytes) -> tuple[int, int, int, int]:
    """Format, channels, rate and bits of a fmt chunk."""
    if len(body) < 16:
        raise BadWav(f"its fmt chunk has {len(body)} bytes, not 16")
    kind, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", body)
    if kind == EXTENSIBLE and len(body) >= 40 and body[26:40] == _GUID:
        kind = int.from_bytes(body[24:26], "little")
    if not channels or not rate or (kind in (PCM, FLOAT) and not bits):
        raise BadWav(f"its fmt chunk makes no sense ({channels} channels, {rate} Hz, {bits} bit)")
    if kind in (PCM, FLOAT) and align != channels * ((bits + 7) // 8):
        raise BadWav(f"its fmt chunk makes no sense ({align} bytes for {channels} x {bits} bit)")
    return kind, channels, rate, bits


def read_header(file: BinaryIO) -> Header:
    """Read the header of an open file. Raises BadWav, also if samples are missing."""
    size = os.fstat(file.fileno()).st_size
    if not size:
        raise BadWav("empty")
    start = file.read(12)
    if len(start) < 12 or start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise BadWav("no WAV file")
    about = None
    position = 12
    while len(chunk := file.read(8)) == 8:
        position += 8
        length = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"data":
            if about is None:
                raise BadWav("no fmt chunk before its samples")
            if length > size - position:
                missing = length - (size - position)
                raise BadWav(f"cut short: {missing} bytes of what it announces are missing")
            found = Header(*about, position, length)
            if found.frame and length % found.frame:
                raise BadWav("ends within a sample")
            return found
        if chunk[:4] == b"fmt ":
            about = _format(file.read(min(length, 40)))
        position += length + length % 2
        file.seek(position)
    raise BadWav("cut short: no samples" if about else "no fmt chunk and no samples")


def blocks(path: Path) -> Iterator[Header | bytes]:
    """Read a WAV file.

    Yields:
        The header, then the bytes of the samples, BLOCK bytes at a time.

    Raises:
        BadWav: The file is no WAV file, or samples are missing.
        OSError: The file can't be read.
    """
    with path.open("rb") as file:
        found = read_header(file)
        yield found
        file.seek(found.start)
        left = found.length
        while left:
            data = file.read(min(left, BLOCK))
            if not data:
                raise BadWav("was cut while it was read")
            left -= len(data)
            yield data
