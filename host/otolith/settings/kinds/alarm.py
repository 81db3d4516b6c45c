"""Alarms: tones that go on for seconds."""

from __future__ import annotations

from otolith.settings.kinds.base import Facts, Kind


def alarm(facts: Facts) -> Kind:
    """A small network that runs often, and a decision that waits for three quarters of a second."""
    return Kind(
        text="an alarm, a buzzer or a doorbell that sounds for seconds",
        architecture="alarm_cnn",
        features={
            "kind": "spectrogram",
            "window": 256,
            "hop": 128,
            "frames": 124,
            "compress": "log2",
        },
        augment={
            "gain": {"gain_db": [-18, 6], "probability": 0.9},
            "speed": {"speed_percent": [-4, 4], "probability": 0.5},
            "microphone": {"eq_db": [-6, 6], "probability": 0.6},
            "background": {"snr_db": [0, 30], "probability": 0.5},
            "noise": {"snr_db": [10, 45], "probability": 0.4},
        },
        train={"learning_rate": 0.002, "variants": 16 if facts.few else 4},
        hop_ms=32,
        average_ms=768,
        suppression_ms=2000,
        threshold=0.9,
    )
