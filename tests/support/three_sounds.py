"""Takes of three sounds, for tests that walk a newcomer's way."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from otolith.audio.wav import write_wav


def three_sounds(folder: Path, each: int = 24) -> None:
    """Write `each` takes of two tones and of noise, a folder a class."""
    rng = np.random.default_rng(1)
    t = np.arange(20000) / 16000
    for label, hertz in (("ring", 2000), ("knock", 300), ("background", 0)):
        (folder / label).mkdir(parents=True)
        for number in range(each):
            tone = np.sin(2 * np.pi * hertz * (1 + 0.02 * rng.normal()) * t) * np.exp(-t * 2)
            pcm = 9000 * (tone if hertz else 0) + rng.normal(0, 300, len(t))
            write_wav(folder / label / f"{label}{number}.wav", pcm.astype(np.int16))
