"""Sounds of things, animals and people that are not words."""

from __future__ import annotations

from otolith.settings.kinds.base import Facts, Kind


def sound(facts: Facts) -> Kind:
    """One second of spectrogram, eight inferences a second."""
    return Kind(
        text="a sound, such as a knock, a dog or a tap",
        architecture="separable_cnn",
        features={
            "kind": "spectrogram",
            "window": 256,
            "hop": 256,
            "frames": 62,
            "compress": "log2",
        },
        augment={
            "shift": {"shift_ms": [-150, 150], "probability": 0.7},
            "gain": {"gain_db": [-12, 6], "probability": 0.9},
            "speed": {"speed_percent": [-15, 15], "probability": 0.5},
            "microphone": {"eq_db": [-6, 6], "probability": 0.6},
            "background": {"snr_db": [5, 30], "probability": 0.5},
            "noise": {"snr_db": [10, 45], "probability": 0.4},
            "time_mask": {},
        },
        train={"learning_rate": 0.002, "variants": 16 if facts.few else 4},
        hop_ms=128,
        average_ms=400,
        suppression_ms=1000,
        threshold=0.8,
    )
