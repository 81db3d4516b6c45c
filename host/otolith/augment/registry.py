"""Augmentations by name, in the order of application: from the sound's source to the chip."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otolith.augment.base import Augmentation

AUDIO = {
    "crop": "otolith.augment.crop:Crop",
    "speed": "otolith.augment.speed:Speed",
    "tempo": "otolith.augment.tempo:Tempo",
    "pitch": "otolith.augment.pitch:Pitch",
    "shift": "otolith.augment.shift:Shift",
    "room": "otolith.augment.room:Room",
    "impulse_response": "otolith.augment.impulse:ImpulseResponse",
    "background": "otolith.augment.background:Background",
    "microphone": "otolith.augment.microphone:Microphone",
    "noise": "otolith.augment.noise:Noise",
    "gain": "otolith.augment.gain:Gain",
    "dropout": "otolith.augment.dropout:Dropout",
}
FEATURES = {
    "bias": "otolith.augment.bias:Bias",
    "sparse_noise": "otolith.augment.sparse_noise:SparseNoise",
    "time_mask": "otolith.augment.time_mask:TimeMask",
    "frequency_mask": "otolith.augment.frequency_mask:FrequencyMask",
}
AUGMENTATIONS = {**AUDIO, **FEATURES}
NAMES = list(AUGMENTATIONS)


@functools.cache
def find(name: str) -> type[Augmentation]:
    """Imports the class of an augmentation."""
    module, attribute = AUGMENTATIONS[name].split(":")
    found: type[Augmentation] = getattr(importlib.import_module(module), attribute)
    return found
