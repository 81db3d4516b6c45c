"""Augmentations by name, in the order they are applied: as sound travels, from source to chip."""

from __future__ import annotations

import functools
import importlib

from host.augment.base import Augmentation

AUDIO = {
    "crop": "host.augment.crop:Crop",
    "speed": "host.augment.speed:Speed",
    "pitch": "host.augment.pitch:Pitch",
    "shift": "host.augment.shift:Shift",
    "room": "host.augment.room:Room",
    "impulse_response": "host.augment.impulse:ImpulseResponse",
    "background": "host.augment.background:Background",
    "microphone": "host.augment.microphone:Microphone",
    "noise": "host.augment.noise:Noise",
    "gain": "host.augment.gain:Gain",
    "dropout": "host.augment.dropout:Dropout",
}
FEATURES = {
    "bias": "host.augment.bias:Bias",
    "sparse_noise": "host.augment.sparse_noise:SparseNoise",
    "time_mask": "host.augment.time_mask:TimeMask",
    "frequency_mask": "host.augment.frequency_mask:FrequencyMask",
}
NAMES = [*AUDIO, *FEATURES]


@functools.cache
def find(name: str) -> type[Augmentation]:
    """The class of an augmentation that is in the tables above."""
    module, attribute = {**AUDIO, **FEATURES}[name].split(":")
    return getattr(importlib.import_module(module), attribute)
