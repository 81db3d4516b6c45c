"""What a chain hears after a sound file ends.

A microphone does not stop where a file does: its room goes on. Without that, a clip as long as the
network's window would get one score, and smoothing would never reach a decision. Everything that
plays files to a chain or a board uses this one rule: after the file comes as much room tone as the
window and the smoothing need.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.augment.fill import room_tone
from otolith.settings.metadata import Metadata

HEARD_S = 2.0  # the room tone sounds like the quietest part of this much of the file's end


def memory_ms(metadata: Metadata) -> float:
    """How long a sound can influence decisions.

    Args:
        metadata: A model's metadata.

    Returns:
        Milliseconds of the network's window, the smoothing and the vote together.
    """
    features, hop = metadata.features, metadata.deploy.hop_frames
    frames = features.frames + metadata.detect.memory_hops * hop
    return float(1000 * (features.window + frames * features.hop) / features.sample_rate)


def ending(metadata: Metadata, pcm: np.ndarray) -> np.ndarray:
    """The room tone that follows a sound.

    Args:
        metadata: The metadata of the model that listens.
        pcm: int16 samples at 16 kHz: the sound, or its last HEARD_S seconds.

    Returns:
        int16 array, as long as `memory_ms`.
    """
    last = pcm[-round(HEARD_S * RATE) :]
    return room_tone(last, round(memory_ms(metadata) * RATE / 1000))


class Ending:
    """The ending of a sound that passes by in blocks, of any length."""

    def __init__(self, metadata: Metadata) -> None:
        """Args: metadata: The metadata of the model that listens."""
        self._metadata = metadata
        self._last = np.empty(0, np.int16)

    def add(self, pcm: np.ndarray) -> None:
        """Take note of a block of int16 samples at 16 kHz."""
        self._last = np.concatenate([self._last, pcm])[-round(HEARD_S * RATE) :]

    def pcm(self) -> np.ndarray:
        """The room tone that follows all blocks so far; nothing follows no sound."""
        return ending(self._metadata, self._last) if len(self._last) else self._last


def is_complete(path: Path) -> bool:
    """Whether a file holds all a board heard, so that nothing follows it.

    That is the audio.wav of a recording by `host monitor --record`, which has its session.json
    beside it: its events come out again exactly.
    """
    return path.name == "audio.wav" and path.with_name("session.json").exists()
