"""Front end `mfcc`: mel-frequency cepstral coefficients in CMSIS-DSP's arithmetic
(lib/features/src/mfcc.c)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from otolith.settings.features import MOST, FrontEnd
from otolith.settings.fields import setting
from otolith.settings.problems import Section

MAX_FFT = 512  # points, rfft_q15.h
MAX_MELS = 128  # mfcc.h


def fft_length(window: int) -> int:
    """The power of two at or above a window, at least CMSIS-DSP's smallest."""
    return max(32, 1 << (window - 1).bit_length())


@dataclass(frozen=True)
class Mfcc(FrontEnd):
    """[features] with kind = "mfcc"."""

    kind: ClassVar[str] = "mfcc"
    steps: ClassVar[Mapping[str, float]] = {"linear": 1 / 128, "minmax": 1 / 255}

    window: int = setting("Samples one frame looks at.", 480, unit="samples", low=1, high=MOST)
    hop: int = setting("Samples from a frame to the next.", 320, unit="samples", low=1, high=MOST)
    frames: int = setting("Frames one network window has.", 49, unit="frames", low=1, high=MOST)
    bands: int = setting("Coefficients of a frame; at most `mels`.", 20, low=1, high=MOST)
    compress: str = setting(
        "How coefficients become features.", "linear", names=("linear", "minmax")
    )
    mels: int = setting("Mel filters.", 23)
    low_hz: float = setting("Lower limit of the filters.", 20.0, unit="Hz")
    high_hz: float = setting("Upper limit of the filters.", 8000.0, unit="Hz")
    minimum: tuple[int, ...] = setting(
        'Least value of each band, for compress = "minmax".', (), newer=True
    )
    maximum: tuple[int, ...] = setting(
        'Greatest value of each band, for compress = "minmax".', (), newer=True
    )

    @property
    def limits(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.minimum, self.maximum

    @property
    def rest_lead(self) -> int | None:
        """A frame depends on its samples alone."""
        return 0

    def mel_filters(self) -> list[list[float]]:
        """Weights of the filters: `mels` rows of FFT length / 2 + 1.

        The filters are triangles of height 1, equally wide on the mel scale 1127 ln(1 + f / 700).
        """
        rate, size = self.sample_rate, fft_length(self.window)
        low, high = (1127 * math.log(1 + hz / 700) for hz in (self.low_hz, self.high_hz))
        step = (high - low) / (self.mels + 1)
        bins = [1127 * math.log(1 + k * rate / size / 700) for k in range(size // 2 + 1)]

        def weight(mel: float, left: float) -> float:
            return max(0.0, min((mel - left) / step, (left + 2 * step - mel) / step))

        return [[weight(mel, low + i * step) for mel in bins] for i in range(self.mels)]

    def check_supported(self, section: Section) -> None:
        super().check_supported(section)
        need = section.need
        need(self.window <= MAX_FFT, "window", f"must be 1 to {MAX_FFT}")
        need(2 <= self.mels <= MAX_MELS, "mels", f"must be 2 to {MAX_MELS}")
        need(1 <= self.bands <= self.mels, "bands", "must be 1 to mels")
        rate_known = section.clean("sample_rate")
        good = 0 <= self.low_hz < self.high_hz <= self.sample_rate / 2
        need(
            not rate_known or good,
            "low_hz, high_hz",
            "must be 0 to half the sample rate, low below high",
        )
        if section.clean("sample_rate", "window", "mels", "low_hz", "high_hz"):
            narrowest = min(max(row) for row in self.mel_filters())
            between = "a filter lies between two FFT bins: take fewer"
            need(narrowest >= 0.5 / 32768, "mels", between)

    def check(self, section: Section) -> None:
        super().check(section)
        section.need(self.window >= 32, "window", f"must be 32 to {MAX_FFT}")
        section.need(1 <= self.hop <= self.window, "hop", "must be 1 to window")
        if not 1 <= self.frames <= 500 and section.clean("frames"):
            section.wrong("frames", self.frames, "must be 1 to 500")
