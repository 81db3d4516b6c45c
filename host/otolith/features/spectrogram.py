"""Front end `spectrogram`: settings and tables (lib/features/src/spectrogram.c)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from otolith.features import rfft
from otolith.features.tables import Struct

if TYPE_CHECKING:
    from otolith.settings.spec import Features

SCALE = {"linear": 1 / 32768, "log2": 1 / 1024}  # real value of one step, by compress
KEYS: tuple[str, ...] = ()  # of [features], besides those all kinds have
DEFAULTS: dict = {}


def check(features: Features, need: Callable[[bool, str, str], None]) -> None:
    sizes = (features.window, features.hop)
    need(
        sizes in ((256, 128), (256, 256), (256, 64)),
        "[features] window, hop",
        "window 256 with hop 64, 128 or 256",
    )
    need(features.bands == 129, "[features] bands", "a window of 256 gives 129")
    need(8 <= features.frames <= 500, "[features] frames", "must be 8 to 500")


@cache
def _tables(window: int) -> Struct:
    """A periodic Hann window, rounded down, and the FFT."""
    hann = [0.5 * (1 - math.cos(2 * math.pi * i / window)) for i in range(window)]
    return Struct(
        "spectrogram_tables_t",
        {
            "window": rfft.pairs([min(32767, math.floor(32768 * w + 1e-6)) for w in hann]),
            "fft": rfft.q15(window),
        },
        "spectrogram.h",
    )


def tables(settings: dict) -> Struct:
    """What spectrogram.c takes."""
    return _tables(256)
