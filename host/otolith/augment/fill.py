"""What fills the gap where a sound was moved, shortened or ended.

Microphones never give digital silence, and a network would learn it as a mark. So the default is
noise like the quietest part of the sound itself.
"""

from __future__ import annotations

import zlib

import numpy as np

from otolith.augment.base import rms
from otolith.augment.convolve import fast_length

FRAME = 256
QUIETEST = 0.2  # of the frames


def floor_noise(x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` samples of noise with level and spectrum of the quietest fifth of x."""
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
    """Noise like the room a sound was recorded in.

    Args:
        pcm: int16 samples at 16 kHz. Their quietest fifth sets level and spectrum.
        samples: Length of the noise.

    Returns:
        int16 array of shape (samples,). The same sound gives the same noise; a sound shorter than
        16 ms, or with digital silence in it, gives zeros.
    """
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(pcm).tobytes()))
    noise = floor_noise(pcm.astype(np.float32), samples, rng)
    return np.clip(np.rint(noise), -32768, 32767).astype(np.int16)


def filler(x: np.ndarray, count: int, fill: str, rng: np.random.Generator) -> np.ndarray:
    """`count` samples of "floor" (noise like the quietest part) or "silence"."""
    return floor_noise(x, count, rng) if fill == "floor" else np.zeros(count, np.float32)
