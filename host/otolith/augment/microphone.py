"""Imitates another microphone: uneven frequency response, high-pass filter and port resonance."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.augment.base import Augmentation, Take, between, decibels
from otolith.augment.convolve import fast_length

OCTAVES = 62.5 * 2.0 ** np.arange(8)  # Hz: the gain is drawn at each
SETTLING = 2048  # samples of silence that keep the circular convolution from wrapping


def response(
    f: np.ndarray,
    steps_db: np.ndarray,
    highpass_hz: float,
    resonance_hz: float,
    resonance_db: float,
    q: float,
) -> np.ndarray:
    """Computes the frequency response of a microphone.

    Args:
        f: Frequencies in Hz.
        steps_db: Gain in dB at each of OCTAVES, interpolated linearly in dB per octave.
        highpass_hz: -3 dB frequency of a first-order analogue high-pass.
        resonance_hz: Centre frequency of a second-order analogue peak filter.
        resonance_db: Gain of the peak.
        q: Quality factor of the peak.

    Returns:
        Complex gain at each frequency.
    """
    gentle = decibels(np.interp(np.log2(np.maximum(f, 1)), np.log2(OCTAVES), steps_db))
    s = 1j * f
    high = s / (s + highpass_hz)
    peak = decibels(resonance_db / 2)
    w = resonance_hz
    bell = (s * s + s * w * peak / q + w * w) / (s * s + s * w / (peak * q) + w * w)
    return gentle * high * bell


@dataclass(frozen=True)
class Microphone(Augmentation):
    """eq_db: Gain at each octave. highpass_hz: -3 dB frequency of the high-pass filter."""

    name: ClassVar[str] = "microphone"
    eq_db: tuple[float, float] = between(-3, 3, -24, 24)
    highpass_hz: tuple[float, float] = between(20, 200, 1, 4000)
    resonance_hz: tuple[float, float] = between(3000, 7500, 100, 8000)
    resonance_db: tuple[float, float] = between(0, 6, -24, 24)

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        steps = take.rng.uniform(*self.eq_db, size=len(OCTAVES))
        take.notes["eq_db"] = [round(float(step), 1) for step in steps]
        names = ("highpass_hz", "resonance_hz", "resonance_db")
        highpass, resonance, height = (take.number(name, getattr(self, name)) for name in names)
        q = take.rng.uniform(1, 4)
        length = fast_length(len(x) + SETTLING)
        f = np.fft.rfftfreq(length, 1 / RATE)
        gain = response(f, steps, highpass, resonance, height, q).astype(np.complex64)
        return np.fft.irfft(np.fft.rfft(x, length) * gain, length)[: len(x)].astype(np.float32)
