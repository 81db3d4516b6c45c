"""A small network for any front end, used by chain tests and firmware images."""

import json

import numpy as np

from otolith.features import preset
from otolith.settings.features import FrontEnd
from support.tflite_builder import ModelBuilder


def settings(name: str) -> FrontEnd:
    return preset(name)


def metadata(features: FrontEnd, hop_frames: int) -> dict:
    return {
        "format": 1,
        "name": "front_end",
        "description": "for tests",
        "classes": ["quiet", "loud"],
        "features": features.to_json(),
        "detect": {
            "gate": 0,
            "smoothing": 3,
            "minimum_count": 2,
            "suppression_hops": 5,
            "thresholds": {"loud": 0.6},
        },
        "deploy": {"hop_frames": hop_frames},
        "training": {},
    }


def scale_of(features: FrontEnd) -> tuple[float, int]:
    """Input scale and zero point for a network that takes these features."""
    if features.compress in ("minmax", "dynamic"):
        return features.step, -128
    if features.kind == "lfbe":
        return 1 / 256, -128
    return (0.1, -128) if features.kind == "logmel" else (0.12, 0)


def network(features: FrontEnd, hop_frames: int = 2, entries: dict | None = None) -> bytes:
    """A dense layer over the whole window with varied weights, then SOFTMAX.

    Args:
        features: the front end whose frames the network takes.
        hop_frames: frames from one inference to the next.
        entries: metadata entries of the file, replacing the usual ones.
    """
    frames, bands = features.frames, features.bands
    scale, zero = scale_of(features)
    b = ModelBuilder()
    x = b.tensor([1, frames, bands, 1], scale, zero)
    flat = b.tensor([1, frames * bands], scale, zero)
    shape = b.tensor([2], dtype="int32", data=np.array([1, frames * bands]))
    b.op("RESHAPE", [x, shape], [flat], newShape=[1, frames * bands])
    rng = np.random.default_rng(1)
    weights = b.tensor([2, frames * bands], 0.01, data=rng.integers(-20, 21, (2, frames * bands)))
    bias = b.tensor([2], 0.01 * scale, dtype="int32", data=np.zeros(2))
    scores = b.tensor([1, 2], 0.05 * scale * (frames * bands) ** 0.5, 0)
    b.op("FULLY_CONNECTED", [flat, weights, bias], [scores])
    probabilities = b.tensor([1, 2], 1 / 256, -128)
    b.op("SOFTMAX", [scores], [probabilities], beta=0.1)
    if entries is None:
        entries = {"otolith": json.dumps(metadata(features, hop_frames)).encode()}
    return b.build([x], [probabilities], entries)


def sound(seconds: float) -> np.ndarray:
    """Bursts of noise with levels from silence to full scale."""
    rng = np.random.default_rng(4)
    count = int(16000 * seconds)
    levels = np.repeat(rng.choice([0, 20, 400, 4000, 20000], -(-count // 2400)), 2400)[:count]
    tone = np.sin(np.cumsum(np.linspace(0.02, 2.5, count))) + rng.normal(0, 0.3, count)
    return np.clip(np.round(tone * levels), -32768, 32767).astype(np.int16)
