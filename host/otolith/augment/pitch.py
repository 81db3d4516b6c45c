"""Shifts the pitch at constant length: a phase vocoder stretches, then resampling shortens."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.augment.base import Augmentation, Take, between, rms
from otolith.augment.speed import respeed

FRAME = 512  # samples: 32 ms
HOP = 128
WINDOW = np.hanning(FRAME + 1)[:-1].astype(np.float32)


def stretch(x: np.ndarray, factor: float) -> np.ndarray:
    """Stretches a sound without changing its pitch, by a phase vocoder.

    Each output frame takes its magnitudes from the corresponding place in the input. Its phase is
    that of the previous output frame, advanced by the input's phase change over one hop.

    Args:
        x: float32 samples.
        factor: Length of the result relative to x.

    Returns:
        float32 samples with the RMS level of x.
    """
    count = round(len(x) * factor)
    frames = -(-(count + FRAME) // HOP) + 1
    at = np.round((np.arange(frames) * HOP - FRAME) / factor).astype(int) + FRAME + HOP
    padded = np.zeros(max(len(x), at[-1]) + 3 * FRAME + HOP, np.float32)
    padded[FRAME + HOP : FRAME + HOP + len(x)] = x
    at = np.maximum(at, HOP)
    views = np.lib.stride_tricks.sliding_window_view(padded, FRAME)
    now = np.fft.rfft(views[at] * WINDOW)
    before = np.fft.rfft(views[at - HOP] * WINDOW)
    turn = now * before.conj()
    turn /= np.maximum(np.abs(turn), 1e-20)
    turn[np.abs(turn) < 0.5] = 1  # no energy in this bin
    turn[0] = now[0] / np.maximum(np.abs(now[0]), 1e-20)
    turn[0][np.abs(turn[0]) < 0.5] = 1
    phase = np.cumprod(turn.astype(np.complex128), axis=0)
    rows = (np.fft.irfft(np.abs(now) * phase, FRAME) * WINDOW).astype(np.float32)
    blocks = FRAME // HOP
    out = np.zeros((frames + blocks - 1, HOP), np.float32)
    for block in range(blocks):
        out[block : block + frames] += rows[:, block * HOP : (block + 1) * HOP]
    y = out.ravel()[FRAME : FRAME + count] / 1.5  # the sum of the overlapping squared windows
    level = rms(y)
    return y * np.float32(rms(x) / level) if level > 0 else y


@dataclass(frozen=True)
class Pitch(Augmentation):
    """1200 cents are an octave. Clicks are smeared over 30 ms. For knocks, use speed instead."""

    name: ClassVar[str] = "pitch"
    pitch_cents: tuple[float, float] = between(-200, 200, -1200, 1200)

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        factor = 2 ** (take.number("pitch_cents", self.pitch_cents) / 1200)
        y = respeed(stretch(x, factor), factor)
        return np.pad(y, (0, max(0, len(x) - len(y))))[: len(x)]
