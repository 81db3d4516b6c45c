"""Samples: the rate, reading and resampling sound files, writing WAV files, levels, segments.

Everywhere in this package PCM means one channel of int16 samples at RATE.
"""

from otolith.audio.rate import RATE, RATES, SOUNDS
from otolith.audio.reading import pcm_blocks, read_pcm

__all__ = ["RATE", "RATES", "SOUNDS", "pcm_blocks", "read_pcm"]
