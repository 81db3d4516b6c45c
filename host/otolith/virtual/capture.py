"""The PCM that a virtual board sends, for a WAV file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from otolith.audio.wav import write_wav
from otolith.device.frames import Frame, Splitter
from otolith.errors import UserError
from otolith.files import replacing


class Capture:
    """Collects the PCM that an image delivers: USB audio, else the 'P' frames of its console."""

    def __init__(self, keep: bool = True) -> None:
        """keep: hold everything for `save`."""
        self.missing = 0  # samples lost on the way; the recording has silence there
        self._keep = keep
        self._splitter = Splitter()
        self._next: int | None = None  # sequence number of the next frame
        self._frames: list[np.ndarray] = []
        self._audio: list[np.ndarray] = []
        self._has_audio = False

    def take(self, audio: np.ndarray, data: bytes) -> np.ndarray:
        """Add what has come.

        Args:
            audio: (samples,) int16 from USB audio.
            data: bytes from the console.

        Returns:
            The new PCM: (samples,) int16, 16 kHz.
        """
        self._has_audio |= len(audio) > 0
        frames = [
            self._decode(message)
            for message in self._splitter.feed(data)
            if isinstance(message, Frame) and message.type == "P"
        ]
        if self._keep:
            self._audio.append(audio)
            self._frames += frames
        return audio if self._has_audio else np.concatenate([*frames, np.empty(0, np.int16)])

    def _decode(self, frame: Frame) -> np.ndarray:
        pcm = np.frombuffer(frame.data[: len(frame.data) // 2 * 2], "<i2")
        gap = 0 if self._next is None else (frame.sequence - self._next) & 0xFFFF
        self._next = (frame.sequence + 1) & 0xFFFF
        if not 0 < gap < 0x8000:
            return pcm
        self.missing += gap * len(pcm)
        return np.concatenate([np.zeros(gap * len(pcm), np.int16), pcm])

    @property
    def pcm(self) -> np.ndarray:
        """Everything so far: (samples,) int16, 16 kHz."""
        pieces = self._audio if self._has_audio else self._frames
        return np.concatenate([*pieces, np.empty(0, np.int16)])

    def save(self, path: Path) -> None:
        """Write everything so far as a 16 kHz, 16-bit, mono WAV file."""
        pcm = self.pcm
        if not len(pcm):
            raise UserError(f"no audio came from the image: {path} is not written")
        with replacing(path) as temporary:
            write_wav(temporary, pcm)
