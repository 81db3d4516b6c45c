"""Loudness and clipping of sound that comes in blocks. 0 dBFS is 32768, for peak and RMS."""

from __future__ import annotations

import math

import numpy as np

from otolith.audio.rate import RATE

RUN = 3  # samples at full scale in a row: no sound does that unless it is clipped
WINDOW = RATE // 10  # samples; what is loud for so long is no click
_FULL = 32767


def decibels(ratio: float) -> float:
    """dB of an amplitude ratio; -inf for 0."""
    return 20 * math.log10(ratio) if ratio > 0 else -math.inf


def amplify(pcm: np.ndarray, gain_db: float) -> tuple[np.ndarray, int]:
    """`pcm` (int16) louder by `gain_db`, and how many of its samples full scale cut off."""
    if not gain_db:
        return pcm, 0
    exact = np.round(pcm * 10 ** (gain_db / 20))
    cut = np.clip(exact, -32768, _FULL)
    return cut.astype(np.int16), int(np.count_nonzero(cut != exact))


class Levels:
    """Levels of all that was added."""

    def __init__(self) -> None:
        self.samples = 0
        self.clipped = 0  # samples at full scale that follow RUN - 1 others
        self.peak = 0  # 0..32768
        self._square = 0.0
        self._loudest = 0.0  # variance in the loudest window: DC is not heard
        self._last_full = np.zeros(RUN - 1, bool)
        self._window = np.empty(0, np.int16)

    def add(self, pcm: np.ndarray) -> None:
        """More sound, int16."""
        if not len(pcm):
            return
        self.samples += len(pcm)
        size = np.abs(pcm.astype(np.int32))
        self.peak = max(self.peak, int(size.max()))
        self._square += float(np.sum(size.astype(float) ** 2))
        full = np.concatenate([self._last_full, size >= _FULL])
        runs = np.lib.stride_tricks.sliding_window_view(full, RUN).all(axis=1)
        self.clipped += int(runs.sum())
        self._last_full = full[len(full) - (RUN - 1) :]
        pcm = np.concatenate([self._window, pcm])
        whole = pcm[: len(pcm) // WINDOW * WINDOW].reshape(-1, WINDOW).astype(float)
        if len(whole):
            self._loudest = max(self._loudest, float(np.var(whole, axis=1).max()))
        self._window = pcm[whole.size :]

    @property
    def peak_db(self) -> float:
        """dBFS."""
        return decibels(self.peak / 32768)

    @property
    def rms_db(self) -> float:
        """dBFS."""
        return decibels(math.sqrt(self._square / self.samples) / 32768) if self.samples else -np.inf

    @property
    def loudest_db(self) -> float:
        """dBFS (RMS) of the loudest tenth of a second."""
        if self.samples < WINDOW:
            return self.rms_db
        return decibels(math.sqrt(self._loudest) / 32768)
