"""What happens to a sound on its way to a microphone: room, distance, level."""

from __future__ import annotations

import numpy as np

from otolith.audio import RATE
from otolith.synth.backgrounds import unit


def room(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Add reverberation: the direct sound and an exponentially decaying tail."""
    decay = rng.uniform(0.08, 0.7)  # s to -60 dB
    length = int(decay * RATE)
    tail = rng.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
    tail *= rng.uniform(0.02, 0.25) / np.sqrt(np.sum(tail**2) + 1e-9) * 3
    tail[0] += 1
    size = 1 << (len(x) + length - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size)[: len(x)]


def far(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Take away treble, as distance and doors do."""
    corner = rng.uniform(2500, 16000)
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    return np.fft.irfft(np.fft.rfft(x) / np.sqrt(1 + (f / corner) ** 2), len(x))


def to_pcm(x: np.ndarray, rms_db: float) -> np.ndarray:
    """Scale to a level and clip softly near full scale.

    Args:
        x: Samples, float.
        rms_db: Level in dBFS.

    Returns:
        int16 array of the same length.
    """
    y = unit(x) * 10 ** (rms_db / 20)
    return np.round(np.tanh(y / 0.9) * 0.9 * 32767).astype(np.int16)
