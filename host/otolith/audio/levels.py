"""Loudness and clipping of PCM that comes in blocks. 0 dBFS is 32768, for peak and RMS."""

from __future__ import annotations

import math

import numpy as np

from otolith.audio.arrays import Pcm
from otolith.audio.rate import RATE

RUN = 3  # so many samples in a row at full scale mean that the sound is clipped
WINDOW = RATE // 10  # samples; a sound that is loud for so long is not a click
_FULL = 32767
_NO_BOOLS, _NO_PCM = np.empty(0, bool), np.empty(0, np.int16)


def decibels(ratio: float) -> float:
    """An amplitude ratio in dB; -inf for 0."""
    return 20 * math.log10(ratio) if ratio > 0 else -math.inf


def amplify(pcm: Pcm, gain_db: float) -> tuple[Pcm, int]:
    """Amplify PCM.

    Args:
        pcm: Any number of samples.
        gain_db: dB; 0 returns `pcm` itself.

    Returns:
        The louder PCM, and how many of its samples were cut off at full scale.
    """
    if not gain_db:
        return pcm, 0
    exact = np.round(pcm * 10 ** (gain_db / 20))
    cut = np.clip(exact, -32768, _FULL)
    return cut.astype(np.int16), int(np.count_nonzero(cut != exact))


class Levels:
    """Levels of all PCM that was added.

    Attributes:
        samples: How many were added.
        clipped: Samples at full scale that follow RUN - 1 others.
        peak: The largest magnitude, 0 to 32768.
    """

    __slots__ = (
        *("samples", "clipped", "peak"),
        *("_square", "_loudest", "_last_full", "_window"),
    )

    def __init__(self) -> None:
        self.samples = 0
        self.clipped = 0
        self.peak = 0
        self._square = 0.0
        self._loudest = 0.0  # variance of the loudest window; DC is not heard
        self._last_full = np.zeros(RUN - 1, bool)
        self._window: Pcm = np.empty(0, np.int16)

    def add(self, pcm: Pcm) -> None:
        """Add PCM."""
        if not len(pcm):
            return
        self.samples += len(pcm)
        size = np.abs(pcm.astype(np.int32))
        self.peak = max(self.peak, int(size.max()))
        self._square += float(np.sum(size.astype(float) ** 2))
        full = np.concatenate([self._last_full, size >= _FULL])
        runs = np.lib.stride_tricks.sliding_window_view(full, RUN).all(axis=1)
        self.clipped += int(runs.sum())
        self._last_full = full[len(full) - (RUN - 1) :].copy()  # a view would keep the block
        pcm = np.concatenate([self._window, pcm])
        whole = pcm[: len(pcm) // WINDOW * WINDOW].reshape(-1, WINDOW).astype(float)
        if len(whole):
            self._loudest = max(self._loudest, float(np.var(whole, axis=1).max()))
        self._window = pcm[whole.size :].copy()

    def finish(self) -> None:
        """Forget the samples that were kept for more to come."""
        self._last_full, self._window = _NO_BOOLS, _NO_PCM

    @property
    def peak_db(self) -> float:
        """Peak in dBFS."""
        return decibels(self.peak / 32768)

    @property
    def rms_db(self) -> float:
        """RMS in dBFS; -inf before any sample."""
        return decibels(math.sqrt(self._square / self.samples) / 32768) if self.samples else -np.inf

    @property
    def loudest_db(self) -> float:
        """RMS of the loudest tenth of a second in dBFS."""
        if self.samples < WINDOW:
            return self.rms_db
        return decibels(math.sqrt(self._loudest) / 32768)
