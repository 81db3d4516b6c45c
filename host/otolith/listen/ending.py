"""What a chain hears after a sound file ends.

A microphone does not stop where a file does: its room goes on. Without that, a clip as long as the
network's window would get one score, and smoothing would never reach a decision. Everything that
plays files to a chain or a board uses this one rule: after the file comes as much room tone as the
window and the smoothing need.
"""

from __future__ import annotations

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


class Last:
    """Keeps the end of a sound that passes by in blocks."""

    def __init__(self) -> None:
        self.pcm = np.empty(0, np.int16)

    def add(self, pcm: np.ndarray) -> None:
        """Take note of a block of int16 samples."""
        self.pcm = np.concatenate([self.pcm, pcm])[-round(HEARD_S * RATE) :]
