"""Whether a sound file was cut short, judged by its structure.

Decoders often read a cut file without complaint. Each container says somewhere how long its parts
are; what is said and not there is missing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_STREAMED = 0x7F000000  # bytes; WAV writers that could not know the size announce such


def bytes_missing(path: Path | str) -> int:
    """Count the bytes that a file announces but does not have.

    Args:
        path: A sound file of any format.

    Returns:
        0 if nothing is known to be missing, as in formats without announced lengths and in streams
        whose writers could not know the size.

    Raises:
        OSError: The file can't be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(16)
        for matches, missing in _FORMATS:
            if matches(start):
                file.seek(0)
                return max(0, missing(file, size))
    return 0


def without_end(path: Path | str) -> str:
    """Say what is missing at the end of a file of a format that marks its end; "" if nothing is."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(16)
            if start[:4] == b"OggS":
                return "" if _ogg_ends(file, size) else "cut short: its last page is missing"
            if start[4:8] == b"ftyp" and not _has_index(file, size):
                return "cut short: its index (moov), which stands at its end, is missing"
    except OSError:
        return ""
    return ""


def _chunks(file: BinaryIO, size: int, order: str, wanted: bytes) -> int:
    """RIFF and AIFF: chunks of a name, a length and a body of even size."""
    file.seek(12)
    while len(chunk := file.read(8)) == 8:
        length = int.from_bytes(chunk[4:], "little" if order == "<" else "big")
        if chunk[:4] == wanted:
            return 0 if length >= _STREAMED else length - (size - file.tell())
        file.seek(length + length % 2, os.SEEK_CUR)
    return 0


def _wav(file: BinaryIO, size: int) -> int:
    return _chunks(file, size, "<", b"data")


def _aiff(file: BinaryIO, size: int) -> int:
    return _chunks(file, size, ">", b"SSND")


def _au(file: BinaryIO, size: int) -> int:
    header = file.read(12)
    start, length = (int.from_bytes(header[at : at + 4], "big") for at in (4, 8))
    return 0 if length >= _STREAMED else start + length - size


def _caf(file: BinaryIO, size: int) -> int:
    file.seek(8)
    while len(chunk := file.read(12)) == 12:
        length = int.from_bytes(chunk[4:], "big", signed=True)
        if length < 0:
            return 0
        if chunk[:4] == b"data":
            return length - (size - file.tell())
        file.seek(length, os.SEEK_CUR)
    return 0


def _w64(file: BinaryIO, size: int) -> int:
    file.seek(40)
    while len(chunk := file.read(24)) == 24:
        length = int.from_bytes(chunk[16:], "little") - 24
        if length < 0:
            return 0
        if chunk[:4] == b"data":
            return length - (size - file.tell())
        file.seek((length + 7) // 8 * 8, os.SEEK_CUR)
    return 0


def _box(file: BinaryIO, at: int, size: int) -> tuple[bytes, int] | None:
    """Name and length of the MP4 box at `at`."""
    file.seek(at)
    head = file.read(16)
    if len(head) < 8:
        return None
    length = int.from_bytes(head[:4], "big")
    if length == 1 and len(head) == 16:
        length = int.from_bytes(head[8:], "big")
    elif length == 0:  # to the end of the file
        length = size - at
    return (head[4:8], length) if length >= 8 else None


def _mp4(file: BinaryIO, size: int) -> int:
    at = 0
    while at < size and (box := _box(file, at, size)):
        at += box[1]
    return at - size


def _has_index(file: BinaryIO, size: int) -> bool:
    at = 0
    while at < size and (box := _box(file, at, size)):
        if box[0] == b"moov":
            return True
        at += box[1]
    return False


_SEGMENT, _CLUSTER, _GROUP = 0x18538067, 0x1F43B675, 0xA0


def _matroska(file: BinaryIO, size: int) -> int:
    """Elements of a number, a length and a body; segments and clusters hold others."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(12)
        number, used = _number(head, keep_mark=True)
        length, more = _number(head[used:], keep_mark=False)
        if not used or not more:
            # a head of 12 bytes is whole: what can't be read is damage, not an end
            return 1 if len(head) < 12 else 0
        unknown = length == (1 << 7 * more) - 1
        at += used + more
        if number in (_SEGMENT, _CLUSTER, _GROUP):
            if not unknown and at + length > size:
                return at + length - size
            continue
        if unknown:
            return 0
        at += length
    return at - size


def _number(data: bytes, keep_mark: bool) -> tuple[int, int]:
    """A number of EBML and how many bytes it takes; 0 bytes if it is not whole."""
    if not data or not data[0]:
        return 0, 0
    count = 9 - data[0].bit_length()
    if len(data) < count:
        return 0, 0
    value = int.from_bytes(data[:count], "big")
    return (value if keep_mark else value & ((1 << 7 * count) - 1)), count


_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def _asf(file: BinaryIO, size: int) -> int:
    """The file properties object holds the size of the file."""
    file.seek(30)
    while len(head := file.read(24)) == 24:
        length = int.from_bytes(head[16:], "little")
        if head[:16] == _ASF_FILE:
            body = file.read(68)
            live = len(body) < 68 or body[64] & 1
            return 0 if live else int.from_bytes(body[16:24], "little") - size
        if length < 24:
            return 0
        file.seek(length - 24, os.SEEK_CUR)
    return 0


def _adts(file: BinaryIO, size: int) -> int:
    """AAC frames, each with its length."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(7)
        if head[:1] != b"\xff" or (len(head) > 1 and head[1] & 0xF6 != 0xF0):
            return 0  # a tag behind the frames
        if len(head) < 7:
            return 7 - len(head)
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        if length < 7:
            return 0
        at += length
    return at - size


def _ogg_ends(file: BinaryIO, size: int) -> bool:
    """Whether the last page is whole and marked as the last."""
    file.seek(max(0, size - 65_307 - 27))  # the longest page
    tail = file.read()
    at = tail.rfind(b"OggS")
    while at >= 0:
        page = tail[at:]
        if len(page) < 27 or len(page) < 27 + page[26]:
            return False
        if 27 + page[26] + sum(page[27 : 27 + page[26]]) >= len(page):
            whole = 27 + page[26] + sum(page[27 : 27 + page[26]]) == len(page)
            return whole and bool(page[5] & 4)
        if page[5] & 4:
            return True  # a tag behind the last page
        at = tail.rfind(b"OggS", 0, at)
    return False


_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], int]], ...] = (
    (lambda start: start[:4] == b"RIFF" and start[8:12] == b"WAVE", _wav),
    (lambda start: start[:4] == b"FORM" and start[8:11] == b"AIF", _aiff),
    (lambda start: start[:4] == b".snd", _au),
    (lambda start: start[:4] == b"caff", _caf),
    (lambda start: start[:4] == b"riff", _w64),
    (lambda start: start[4:8] == b"ftyp", _mp4),
    (lambda start: start[:4] == b"\x1aE\xdf\xa3", _matroska),
    (lambda start: start == _ASF, _asf),
    (lambda start: len(start) > 1 and start[0] == 0xFF and start[1] & 0xF6 == 0xF0, _adts),
)
