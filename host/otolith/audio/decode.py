"""Decoders: sound files of any format to float64 samples at the rate of the file.

libsndfile reads WAV, FLAC, Ogg, MP3, AIFF and the like. FFmpeg (PyAV) reads what it can't: AAC and
AMR of phones (.m4a, .3gp), Opus of browsers (.webm), .wma, video files, and the rest of a FLAC file
in which libsndfile loses its way.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from otolith.audio.arrays import Samples
from otolith.audio.rate import RATES
from otolith.audio.truncated import bytes_missing, without_end
from otolith.errors import UserError, shown

if TYPE_CHECKING:
    import av
    import soundfile

BLOCK = 1 << 18  # samples of all channels that are read at a time
CHANNELS = 64  # a file with more is refused

# FFmpeg also reads playlists, which name other files and addresses. A sound file must not.
_FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,eac3,flac,flv,matroska,webm,mov,mp4,m4a,3gp,"
    "3g2,mj2,mp3,mpeg,mpegts,ogg,tta,voc,w64,wav,wv"
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}


class BadSound(UserError):
    """A sound file that can't be used. `reason` says why, without the name of the file."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{shown(path)}: {reason}")
        self.reason = reason


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


class SoundFile:
    """An open sound file.

    Attributes:
        rate: Hz.
        channels: Number of channels.
        subtype: libsndfile's name of the encoding, such as "PCM_16"; "" if FFmpeg decodes it.
        announced: Samples a channel that the file says it holds; None if it does not say.
        frames: Samples a channel that blocks() gave so far.
        problem: After the last block: why the samples are not all there; "" if they are.
    """

    def __init__(self, path: Path | str) -> None:
        """Open `path`. Raises BadSound."""
        import soundfile

        self.path = path
        self.frames = 0
        self.problem = ""
        self.rate: int
        self.channels: int
        self._sndfile: soundfile.SoundFile | None = None
        self._ffmpeg: _Ffmpeg | None = None
        reason = ""
        try:
            about = os.stat(path)
            if not stat.S_ISREG(about.st_mode):  # a pipe may never end
                raise BadSound(path, "no regular file")
            if not about.st_size:
                raise BadSound(path, "empty")
        except (OSError, ValueError) as error:
            raise self._unreadable(getattr(error, "strerror", None) or error) from error
        try:
            self._sndfile = soundfile.SoundFile(os.fspath(path))
            # Its read() seeks to where it is already, which loses samples of an MP3 file.
            self._sndfile.seekable = lambda: False
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            reason = _one_line(getattr(error, "error_string", None) or error)
        if self._sndfile is not None:
            self.rate, self.channels = self._sndfile.samplerate, self._sndfile.channels
            self.subtype = str(self._sndfile.subtype)
            # an unknown length is a huge one
            known = self._sndfile.frames < 1 << 40
            self.announced: int | None = self._sndfile.frames if known else None
        else:
            try:
                self._ffmpeg = _Ffmpeg(path)
            except _Undecodable as error:
                raise self._unreadable(without_end(path) or error.args[0] or reason) from error
            self.rate, self.channels = self._ffmpeg.rate, self._ffmpeg.channels
            self.subtype = ""
            self.announced = self._ffmpeg.announced
        try:
            if not RATES[0] <= self.rate <= RATES[1]:
                raise BadSound(path, f"{self.rate} Hz: {RATES[0]} to {RATES[1]} Hz are taken")
            if not 1 <= self.channels <= CHANNELS:
                raise BadSound(path, f"{self.channels} channels: 1 to {CHANNELS} are taken")
        except BadSound:
            self.close()
            raise

    def __enter__(self) -> SoundFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        for opened in (self._sndfile, self._ffmpeg):
            if opened is not None:
                opened.close()

    def _unreadable(self, reason: object) -> BadSound:
        return BadSound(self.path, f"not a sound file that can be read: {_one_line(reason)}")

    def blocks(self, size: int = 0) -> Iterator[Samples]:
        """The mean of all channels, in blocks of about `size` samples. Raises BadSound."""
        size = size or BLOCK // self.channels
        source = self._from_sndfile(size) if self._sndfile is not None else self._from_ffmpeg(0)
        for block in source:
            if len(block):
                if not np.isfinite(block).all():
                    raise BadSound(self.path, "has samples that are not numbers")
                self.frames += len(block)
                yield block
        self._judge()
        if not self.frames:
            raise BadSound(self.path, self.problem or "no samples in it")

    def _judge(self) -> None:
        """Set `problem` if samples are missing."""
        try:
            missing = bytes_missing(self.path)
        except OSError as error:
            raise self._unreadable(error.strerror) from error
        if missing:
            self.problem = f"cut short: {missing} bytes of what it announces are missing"
        elif self.announced and self.frames < self.announced and not self._ffmpeg_lengths:
            lost = self.announced - self.frames
            self.problem = f"cut short or damaged: {lost} samples that it announces are missing"
        elif end := without_end(self.path):
            self.problem = end

    @property
    def _ffmpeg_lengths(self) -> bool:
        """Whether `announced` is FFmpeg's estimate, which is off by the padding of a codec."""
        return self._sndfile is None and self._ffmpeg is not None and not self._ffmpeg.exact

    def _from_sndfile(self, size: int) -> Iterator[Samples]:
        assert self._sndfile is not None
        try:
            while True:
                block = self._sndfile.read(size, dtype="float64", always_2d=True)
                if not len(block):
                    break
                yield block.mean(axis=1)
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "error_string", None) or error
            if self._sndfile.format != "FLAC":
                if not self.frames:
                    raise self._unreadable(reason) from error
                self.problem = f"damaged: {_one_line(reason)}"
                return
        if self._sndfile.format == "FLAC" and self.frames < (self.announced or 0):
            yield from self._from_ffmpeg(self.frames)

    def _from_ffmpeg(self, skip: int) -> Iterator[Samples]:
        """FFmpeg's samples after the first `skip`."""
        try:
            if self._ffmpeg is None:
                self._ffmpeg = _Ffmpeg(self.path)
            for block in self._ffmpeg.blocks():
                yield block[skip:]
                skip = max(0, skip - len(block))
            self.problem = self._ffmpeg.problem
        except _Undecodable as error:
            if not self.frames:
                raise self._unreadable(error.args[0]) from error
            self.problem = f"damaged: {error.args[0]}"


class _Undecodable(Exception):
    """FFmpeg's reason."""


_SCALE = {"u8": 1 / 128, "s16": 1 / 32768, "s32": 1 / 2**31, "s64": 1 / 2**63}


class _Input(io.BufferedReader):
    """A file for PyAV. It drops exceptions and prints them, so a bad seek returns an error code."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Seek as a file does; -EINVAL, as FFmpeg knows it, where that is not possible."""
        try:
            return super().seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -errno.EINVAL


class _Ffmpeg:
    """The first audio stream of a file, decoded by FFmpeg."""

    def __init__(self, path: Path | str) -> None:
        import av

        self._file: BinaryIO | None = None
        self._container: Any = None
        self.problem = ""
        try:
            self._file = _Input(io.FileIO(path))
            self._container = av.open(self._file, "r", options=_OPTIONS, metadata_errors="replace")
            if not self._container.streams.audio:
                raise _Undecodable("it has no sound")
            self._stream = self._container.streams.audio[0]
            context = self._stream.codec_context
            if context is None:
                raise _Undecodable("no decoder for its encoding")
            context.thread_count = 1  # callers have threads of their own
            self.rate: int = context.sample_rate or 0  # Hz
            self.channels: int = context.channels or 0
            self.announced = self._length()
            self.exact = self._container.format.name == "flac"
        except _Undecodable:
            self.close()
            raise
        except (av.FFmpegError, OSError, RuntimeError, TypeError, ValueError) as error:
            self.close()
            raise _Undecodable(_reason(error)) from error

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
        if self._file is not None:
            self._file.close()

    def _length(self) -> int | None:
        """Samples a channel that the container or its stream announces."""
        stream, container = self._stream, self._container
        if stream.duration and stream.time_base:
            return round(float(stream.duration * stream.time_base) * self.rate)
        if container.duration:
            return round(float(container.duration) / 1_000_000 * self.rate)
        return None

    def blocks(self) -> Iterator[Samples]:
        """The mean of all channels. Packets that can't be decoded are left out."""
        import av

        waiting: list[Samples] = []
        size = 0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError as error:
                    self.problem = self.problem or f"damaged: {_reason(error)}"
                    continue
                for frame in frames:
                    if frame.sample_rate != self.rate:
                        self.problem = f"its rate changes to {frame.sample_rate} Hz"
                        break
                    waiting.append(_mono(frame))
                    size += len(waiting[-1])
                else:
                    if size >= BLOCK:
                        yield np.concatenate(waiting)
                        waiting, size = [], 0
                    continue
                break
        except (av.FFmpegError, OSError, RuntimeError, ValueError) as error:
            self.problem = self.problem or f"damaged: {_reason(error)}"
        if waiting:
            yield np.concatenate(waiting)


def _reason(error: Exception) -> str:
    return _one_line(getattr(error, "strerror", None) or error)


def _mono(frame: av.AudioFrame) -> Samples:
    """The mean of a frame's channels; full scale is 1."""
    data = frame.to_ndarray()
    channels = len(frame.layout.channels)
    table = data.reshape(channels, -1).T if frame.format.is_planar else data.reshape(-1, channels)
    name = frame.format.name.removesuffix("p")
    values = table.astype(np.float64)
    if name == "u8":
        values -= 128
    mean: Samples = (values * _SCALE.get(name, 1.0)).mean(axis=1)
    return mean
