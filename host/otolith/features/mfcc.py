"""Front end `mfcc`: settings and tables for CMSIS-DSP's arm_mfcc_q15 (lib/features/src/mfcc.c).

Definition, float: x = `window` samples (full scale 1) times a periodic Hann window of that length,
zeros behind it up to the next power of two N, as arm_mfcc takes no other lengths; magnitudes of its
real FFT; `mels` triangular filters between low_hz and high_hz, equally wide on the mel scale
1127 ln(1 + f / 700), 1 at their peak; natural logarithm; the first `bands` coefficients of a DCT-II
with sqrt(2 / mels) for all of them. The integers are q8.7: one step is 1/128.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from otolith.errors import UserError, short
from otolith.features import rfft
from otolith.features.tables import Struct

if TYPE_CHECKING:
    from otolith.settings.spec import Features

SCALE = {"linear": 1 / 128, "minmax": 1 / 255}  # real value of one step, by compress
KEYS = ("mels", "low_hz", "high_hz", "minimum", "maximum")
DEFAULTS = {
    "window": 480,
    "hop": 320,
    "frames": 49,
    "bands": 20,
    "mels": 23,
    "low_hz": 20.0,
    "high_hz": 8000.0,
    "compress": "linear",
}
MAX_FFT, MAX_MELS = rfft.MAX_POINTS, 128  # mfcc.h


def fft_length(window: int) -> int:
    """The power of two at or above a window, at least CMSIS-DSP's smallest."""
    return max(32, 1 << (window - 1).bit_length())


def _q15(values: list[float]) -> np.ndarray:
    return np.array([max(-32768, min(32767, math.floor(32768 * v + 0.5))) for v in values], "int16")


def hann(window: int) -> list[float]:
    return [0.5 - 0.5 * math.cos(2 * math.pi * i / window) for i in range(window)]


def mel_filters(settings: dict) -> list[list[float]]:
    """`mels` rows of fft / 2 + 1 weights."""
    rate, size = settings["sample_rate"], fft_length(settings["window"])
    low, high = (1127 * math.log(1 + settings[k] / 700) for k in ("low_hz", "high_hz"))
    step = (high - low) / (settings["mels"] + 1)
    bins = [1127 * math.log(1 + k * rate / size / 700) for k in range(size // 2 + 1)]

    def weight(mel: float, left: float) -> float:
        return max(0.0, min((mel - left) / step, (left + 2 * step - mel) / step))

    return [[weight(mel, low + i * step) for mel in bins] for i in range(settings["mels"])]


def dct(settings: dict) -> list[list[float]]:
    """`bands` rows of `mels` weights."""
    mels = settings["mels"]
    return [
        [math.sqrt(2 / mels) * math.cos(i * math.pi * (k + 0.5) / mels) for k in range(mels)]
        for i in range(settings["bands"])
    ]


def halves(rows: list[list[float]]) -> np.ndarray:
    """The first half of each row in Q15: the second repeats it, with the other sign in every second
    row."""
    half = (len(rows[0]) + 1) // 2
    padded = [[*row[:half], 0.0] if half % 2 else row[:half] for row in rows]
    return rfft.pairs(_q15([weight for row in padded for weight in row]))


def tables(settings: dict) -> Struct:
    """What arm_mfcc_q15 takes, in Q15."""
    size, mels = fft_length(settings["window"]), settings.get("mels")
    if size > MAX_FFT or type(mels) is not int or not settings["bands"] <= mels <= MAX_MELS:
        raise UserError(
            f"front end mfcc does not take window {settings['window']}, {settings['bands']} "
            f"coefficients of {short(repr(mels))} mel filters"
        )
    limits = [settings.get(key) for key in ("low_hz", "high_hz")]
    if not all(type(v) in (int, float) for v in limits) or not (
        0 <= limits[0] < limits[1] <= settings["sample_rate"] / 2
    ):
        raise UserError(
            f"front end mfcc does not take low_hz, high_hz {short(repr(limits))}: 0 to half the "
            "sample rate"
        )
    starts, lengths, weights = [], [], []
    for number, row in enumerate(mel_filters(settings)):
        quantised = _q15(row)
        bins = np.flatnonzero(quantised)
        if not len(bins):
            raise UserError(
                f"mel filter {number + 1} of {settings['mels']} lies between two FFT bins: "
                "take fewer mels"
            )
        starts.append(bins[0])
        lengths.append(bins[-1] - bins[0] + 1)
        weights.append(quantised[bins[0] : bins[-1] + 1])
    padding = [0.0] * (size - settings["window"])
    return Struct(
        "mfcc_tables_t",
        {
            "fft": rfft.q15(size),
            "mels": mels,
            "window": rfft.pairs(_q15(hann(settings["window"]) + padding)),
            "filter_start": np.array(starts, "uint16"),
            "filter_length": np.array(lengths, "uint16"),
            "filters": np.concatenate(weights),
            "dct": halves(dct(settings)),
        },
        "mfcc.h",
    )


def check(features: Features, need: Callable[[bool, str, str], None]) -> None:
    f = features
    need(32 <= f.window <= MAX_FFT, "[features] window", f"must be 32 to {MAX_FFT}")
    need(1 <= f.hop <= f.window, "[features] hop", "must be 1 to window")
    need(1 <= f.frames <= 500, "[features] frames", "must be 1 to 500")
    need(2 <= f.mels <= MAX_MELS, "[features] mels", f"must be 2 to {MAX_MELS}")
    need(1 <= f.bands <= f.mels, "[features] bands", "must be 1 to mels")
    good = 0 <= f.low_hz < f.high_hz <= f.sample_rate / 2
    need(good, "[features] low_hz, high_hz", "0 to half the sample rate, low below high")
    settings = {key: getattr(f, key) for key in ("sample_rate", "window", "mels", *KEYS[1:3])}
    narrow = min(max(row) for row in mel_filters(settings))
    need(narrow >= 1 / 32768, "[features] mels", "a filter lies between two FFT bins: take fewer")
