"""Fills the gap after a sound was shifted, shortened or cut.

Microphones never deliver digital silence, so a network could learn it as a cue. The default is
therefore noise like the quietest part of the sound.
"""

from __future__ import annotations

import zlib

import numpy as np

from otolith.augment.base import rms
from otolith.augment.convolve import fast_length

FRAME = 256
QUIETEST = 0.2  # of the frames


def floor_noise(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Makes noise with the level and spectrum of the quietest fifth of a sound.

    Args:
        x: float32 samples at 16 kHz.
        count: Number of samples to make.
        rng: Source of randomness.

    Returns:
        float32 array of shape (count,). All zeros if x is shorter than 16 ms or its quietest fifth
        is digital silence.
    """
    frames = len(x) // FRAME
    if not frames or not count:
        return np.zeros(count, np.float32)
    rows = x[: frames * FRAME].reshape(frames, FRAME)
    power = np.einsum("ij,ij->i", rows, rows)
    quiet = rows[np.argsort(power, kind="stable")[: max(1, round(frames * QUIETEST))]]
    level = rms(quiet.ravel())
    if level == 0:
        return np.zeros(count, np.float32)
    shape = np.sqrt(np.mean(np.abs(np.fft.rfft(quiet * np.hanning(FRAME))) ** 2, axis=0))
    length = fast_length(max(count, FRAME))
    spectrum = np.fft.rfft(rng.standard_normal(length, dtype=np.float32))
    spectrum *= np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, len(shape)), shape)
    noise = np.fft.irfft(spectrum, length)
    return (noise * (level / max(rms(noise), 1e-20)))[:count].astype(np.float32)


def room_tone(pcm: np.ndarray, samples: int) -> np.ndarray:
    """Makes noise like that of the room in which a sound was recorded.

    Args:
        pcm: int16 samples at 16 kHz. Their quietest fifth sets level and spectrum.
        samples: Number of samples to make.

    Returns:
        int16 array of shape (samples,). The same sound always gives the same noise. All zeros if
        the sound is shorter than 16 ms or its quietest fifth is digital silence.
    """
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(pcm).tobytes()))
    noise = floor_noise(pcm.astype(np.float32), samples, rng)
    return np.clip(np.rint(noise), -32768, 32767).astype(np.int16)


def filler(x: np.ndarray, count: int, fill: str, rng: np.random.Generator) -> np.ndarray:
    """`count` float32 samples: "floor" is noise like the quietest part of x, "silence" is zeros."""
    return floor_noise(x, count, rng) if fill == "floor" else np.zeros(count, np.float32)


def placed(x: np.ndarray, y: np.ndarray, fill: str, rng: np.random.Generator) -> np.ndarray:
    """Puts a sound whose length has changed into a window of the old length.

    Args:
        x: The window before, float32.
        y: The sound after. A longer one is cut at its ends, a shorter one put at a random place.
        fill: What fills the gap: "floor", "silence", or "wrap" for the sound itself.
        rng: Draws the place.
    """
    spare = len(x) - len(y)
    start = int(rng.integers(abs(spare) + 1))
    if spare <= 0:
        return y[start : start + len(x)]
    if fill == "wrap":
        return np.roll(np.resize(y, len(x)), start)
    new = filler(x, spare, fill, rng)
    return np.concatenate([new[:start], y, new[start:]])
