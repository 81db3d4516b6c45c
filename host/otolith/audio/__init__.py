"""Samples: the rate, reading and resampling sound files, writing WAV files, levels, segments.

Everywhere in this package PCM means one channel of int16 samples at RATE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otolith.audio.rate import RATE, RATES, SOUNDS

if TYPE_CHECKING:
    from otolith.audio.reading import pcm_blocks, read_pcm

__all__ = ["RATE", "RATES", "SOUNDS", "pcm_blocks", "read_pcm"]
_OF_READING = ("pcm_blocks", "read_pcm")


def __getattr__(name: str) -> Any:
    """Imports the readers when they are first used: settings need only the rate, not NumPy."""
    if name not in _OF_READING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("otolith.audio.reading"), name)
