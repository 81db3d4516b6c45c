"""A small network that tells loud from quiet, and a sound for it."""

import json

import numpy as np

from support.tflite_builder import ModelBuilder

FRAMES, BANDS, HOP_FRAMES, HOP = 8, 129, 3, 384
SCALE, ZERO = 0.06, -128
METADATA = {
    "format": 1,
    "name": "loud",
    "description": "for tests",
    "classes": ["background", "loud"],
    "features": {
        "kind": "spectrogram",
        "sample_rate": 16000,
        "window": 256,
        "hop": 128,
        "frames": FRAMES,
        "bands": BANDS,
        "compress": "log2",
    },
    "detect": {
        "gate": 40,
        "smoothing": 3,
        "minimum_count": 2,
        "suppression_hops": 5,
        "thresholds": {"loud": 0.6},
    },
    "deploy": {"hop_frames": HOP_FRAMES},
    "training": {},
}


def network(outputs: int) -> bytes:
    """Mean of the window -> dense -> LOGISTIC (one output) or SOFTMAX."""
    b = ModelBuilder()
    x = b.tensor([1, FRAMES, BANDS, 1], SCALE, ZERO)
    axes = b.tensor([2], dtype="int32", data=np.array([1, 2]))
    mean = b.tensor([1, 1], SCALE, ZERO)
    b.op("MEAN", [x, axes], [mean], keepDims=False)
    rows = [[-60], [60]] if outputs == 2 else [[100]]
    bias = [6000, -6000] if outputs == 2 else [-10000]
    weights = b.tensor([outputs, 1], 0.01, data=np.array(rows))
    biases = b.tensor([outputs], 0.01 * SCALE, dtype="int32", data=np.array(bias))
    dense = b.tensor([1, outputs], 0.1, 0)
    b.op("FULLY_CONNECTED", [mean, weights, biases], [dense])
    y = b.tensor([1, outputs], 1 / 256, -128)
    if outputs == 2:
        b.op("SOFTMAX", [dense], [y], beta=1.0)
    else:
        b.op("LOGISTIC", [dense], [y])
    return b.build([x], [y], {"otolith": json.dumps(METADATA).encode()})


def sound() -> np.ndarray:
    """Three seconds with levels from silence to full scale."""
    rng = np.random.default_rng(4)
    levels = np.repeat([0, 20, 60, 400, 4000, 12000, 30, 12000, 0, 32000], 4801)
    return np.clip(np.round(rng.normal(0, 1, len(levels)) * levels), -32768, 32767).astype(np.int16)
