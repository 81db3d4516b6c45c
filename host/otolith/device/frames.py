"""Lines of JSON and binary frames in a stream of bytes: the counterpart of lib/wire.

A frame is 0x00, COBS(payload + CRC-32, little-endian), 0x00. The payload is type, flags (0), a
16-bit sequence number and data. Everything else is text, one JSON object a line.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from otolith.device.records import Line, decode_line

MAX_DATA = 1024  # bytes in a frame
MAX_LINE = 8192  # bytes in a line from a board; a longer line is garbage
_MAX_ENCODED = MAX_DATA + 8 + (MAX_DATA + 8) // 254 + 1
_HEADER = struct.Struct("<BBH")


@dataclass(frozen=True)
class Frame:
    """A binary block: `type` is "P" (PCM), "F" (features) or "T" (tensor)."""

    type: str
    sequence: int
    data: bytes


@dataclass(frozen=True)
class Garbage:
    """Bytes that are neither a line of JSON with an event nor a frame."""

    data: bytes


def cobs_encode(data: bytes) -> bytes:
    """Encode data so that it has no zero bytes (consistent overhead byte stuffing)."""
    out = bytearray()
    for part in (data + b"\0").split(b"\0")[:-1]:
        for start in range(0, len(part) - len(part) % 254, 254):
            out += b"\xff" + part[start : start + 254]
        rest = part[len(part) - len(part) % 254 :]
        out += bytes([len(rest) + 1]) + rest
    return bytes(out)


def cobs_decode(data: bytes) -> bytes:
    """Decode what cobs_encode made; ValueError for anything else."""
    out = bytearray()
    position = 0
    while position < len(data):
        code = data[position]
        group = data[position + 1 : position + code]
        if code == 0 or len(group) != code - 1 or 0 in group:
            raise ValueError("broken COBS group")
        out += group
        position += code
        if code < 0xFF and position < len(data):
            out.append(0)
    return bytes(out)


def encode_frame(kind: str, sequence: int, data: bytes) -> bytes:
    """Encode a frame, with its delimiters."""
    if len(data) > MAX_DATA:
        raise ValueError(f"a frame holds {MAX_DATA} bytes, not {len(data)}")
    payload = _HEADER.pack(ord(kind), 0, sequence & 0xFFFF) + data
    return b"\0" + cobs_encode(payload + zlib.crc32(payload).to_bytes(4, "little")) + b"\0"


def decode_frame(encoded: bytes) -> Frame:
    """Decode what stood between two delimiters; ValueError if the frame is damaged."""
    payload = cobs_decode(encoded)
    if len(payload) < 8:
        raise ValueError("frame too short")
    payload, crc = payload[:-4], int.from_bytes(payload[-4:], "little")
    if zlib.crc32(payload) != crc:
        raise ValueError("wrong CRC")
    kind, flags, sequence = _HEADER.unpack_from(payload)
    if flags:
        raise ValueError(f"unknown flags {flags}")
    return Frame(chr(kind), sequence, payload[4:])


class Splitter:
    """Cuts a stream of bytes into messages. Takes any bytes, in pieces of any size."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._frame: bytearray | None = None  # bytes since the opening 0x00

    def feed(self, data: bytes) -> Iterator[Line | Frame | Garbage]:
        """Add bytes; yields the messages that they complete."""
        for byte in data:
            message = self._take(byte)
            if message is not None:
                yield message

    def _take(self, byte: int) -> Line | Frame | Garbage | None:
        if self._frame is not None:
            return self._take_frame_byte(byte)
        if byte == 0:
            lost, self._text = bytes(self._text), bytearray()
            self._frame = bytearray()
            return Garbage(lost) if lost else None
        if byte != ord("\n"):
            self._text.append(byte)
            if len(self._text) <= MAX_LINE:
                return None
            lost, self._text = bytes(self._text), bytearray()
            return Garbage(lost)
        line, self._text = bytes(self._text), bytearray()
        return _parse_line(line)

    def _take_frame_byte(self, byte: int) -> Line | Frame | Garbage | None:
        frame = self._frame
        assert frame is not None
        if byte:
            frame.append(byte)
            if frame[0] != 2:  # frames begin with 2: this is a stray 0x00 before text
                self._frame = None
                return self._take(byte)
            if len(frame) <= _MAX_ENCODED:
                return None
            self._frame = None
            return Garbage(bytes(frame))
        if not frame:  # 0x00 0x00: the second one opens
            return None
        self._frame = None
        try:
            return decode_frame(bytes(frame))
        except ValueError:
            return Garbage(bytes(frame))


def _parse_line(text: bytes) -> Line | Garbage | None:
    text = text.rstrip(b"\r")
    if not text:
        return None
    return decode_line(text) or Garbage(text)
