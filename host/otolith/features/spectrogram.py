"""Tables of the front end `spectrogram` (lib/features/src/spectrogram.c)."""

from __future__ import annotations

import math
from functools import cache

from otolith.features import rfft
from otolith.features.tables import Struct
from otolith.settings.features import FrontEnd


@cache
def _tables(window: int) -> Struct:
    """A periodic Hann window, rounded down, and the FFT's tables."""
    hann = [0.5 * (1 - math.cos(2 * math.pi * i / window)) for i in range(window)]
    return Struct(
        "spectrogram_tables_t",
        {
            "window": rfft.pairs([min(32767, math.floor(32768 * w + 1e-6)) for w in hann]),
            "fft": rfft.q15(window),
        },
        "spectrogram.h",
    )


def tables(front_end: FrontEnd) -> Struct:
    """Computes the tables that spectrogram.c reads."""
    return _tables(256)
