"""Spoken words and short phrases."""

from __future__ import annotations

from otolith.settings.kinds.base import Facts, Kind


def word(facts: Facts) -> Kind:
    """One second of log-mel features, ten inferences a second, and strong augmentation.

    Voices, rooms and microphones differ more than a few takes can show, so speed, equalisation and
    level vary widely.
    """
    return Kind(
        text="a spoken word or a short phrase",
        architecture="word_cnn_m",  # of models/base_word/m
        features={"preset": "micro_speech"},
        augment={
            "shift": {"shift_ms": [-100, 100], "probability": 0.8},
            "gain": {"gain_db": [-15, 9], "probability": 0.9},
            "speed": {"speed_percent": [-15, 15], "probability": 0.7},
            "microphone": {"eq_db": [-8, 8], "probability": 0.7},
            "background": {"snr_db": [3, 30], "probability": 0.5},
            "noise": {"snr_db": [5, 45], "probability": 0.5},
            "time_mask": {},
        },
        train={"learning_rate": 0.001 if facts.few else 0.002, "variants": 16 if facts.few else 4},
        hop_ms=100,
        average_ms=300,
        suppression_ms=1000,
        threshold=0.8,
    )
