"""Sounds for testing front ends: extremes, tones, noise, real recordings."""

import numpy as np

from otolith.audio import read_pcm
from otolith.paths import test_data


def made(samples: int = 16000) -> dict[str, np.ndarray]:
    """Synthetic sounds by name, int16 at 16 kHz."""
    rng = np.random.default_rng(5)
    t = np.arange(samples) / 16000
    chirp = np.sin(2 * np.pi * (50 * t + 3900 * t * t)) * np.linspace(0, 32767, samples)
    quiet = np.zeros(samples)
    quiet[samples // 2] = 32767
    return {
        "silence": np.zeros(samples, np.int16),
        "lowest": np.full(samples, -32768, np.int16),
        "highest": np.full(samples, 32767, np.int16),
        "square": np.where(np.arange(samples) % 2, 32767, -32768).astype(np.int16),
        "full-scale sine": np.round(32767 * np.sin(2 * np.pi * 1000 * t)).astype(np.int16),
        "noise": rng.integers(-32768, 32768, samples).astype(np.int16),
        "quiet noise": rng.normal(0, 30, samples).astype(np.int16),
        "one step": rng.integers(-1, 2, samples).astype(np.int16),
        "sweep": chirp.astype(np.int16),
        "click": quiet.astype(np.int16),
        "offset": np.clip(rng.normal(9000, 400, samples), -32768, 32767).astype(np.int16),
    }


def recorded() -> list[np.ndarray]:
    """Recorded speech from $OTOLITH_DATA/speech, or an empty list."""
    return [read_pcm(f, resample=True) for f in sorted((test_data() / "speech").rglob("*.wav"))]
