"""Small networks for firmware images, for tests that need no trained model."""

import json

import numpy as np

from support.front_ends import with_metadata
from support.random_models import Net
from support.tflite_builder import ModelBuilder

FRAMES, BANDS = 124, 129
METADATA = {
    "format": 1,
    "name": "loud",
    "description": "for tests: louder or quieter",
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
        "gate": 0,
        "smoothing": 4,
        "minimum_count": 2,
        "suppression_hops": 31,
        "thresholds": {"loud": 0.8},
    },
    "deploy": {"hop_frames": 4},
    "training": {},
}


def loudness() -> bytes:
    """Tells whether a second of sound is loud below 2 kHz. With metadata, for the inference app."""
    b = ModelBuilder()
    x = b.tensor([1, FRAMES, BANDS, 1], 0.06, -128)
    pooled = b.tensor([1, 4, 4, 1], 0.06, -128)
    b.op(
        "AVERAGE_POOL_2D",
        [x],
        [pooled],
        filterHeight=31,
        filterWidth=32,
        strideH=31,
        strideW=32,
        padding=1,
    )
    flat = b.tensor([1, 16], 0.06, -128)
    shape = b.tensor([2], dtype="int32", data=np.array([1, 16]))
    b.op("RESHAPE", [pooled, shape], [flat], newShape=[1, 16])
    weights = b.tensor([2, 16], 0.01, data=np.tile([[-100, 0, 0, 0], [100, 0, 0, 0]], 4))
    bias = b.tensor([2], 0.0006, dtype="int32", data=np.array([4000, -4000]))
    scores = b.tensor([1, 2], 0.1, 0)
    b.op("FULLY_CONNECTED", [flat, weights, bias], [scores])
    probabilities = b.tensor([1, 2], 1 / 256, -128)
    b.op("SOFTMAX", [scores], [probabilities], beta=1.0)
    return b.build([x], [probabilities], {"otolith": json.dumps(METADATA).encode()})


def slow() -> bytes:
    """A network that takes longer than its hop on a Pico, because it can't reuse earlier rows.

    With metadata, for the inference app.
    """
    b = ModelBuilder()
    x = b.tensor([1, FRAMES, BANDS, 1], 0.06, -128)
    weights = b.tensor([8, 9, 9, 1], 0.01, data=np.ones((8, 9, 9, 1)))
    bias = b.tensor([8], 0.0006, dtype="int32", data=np.zeros(8))
    maps = b.tensor([1, 58, 61, 8], 0.1, -128)
    b.op("CONV_2D", [x, weights, bias], [maps], padding=1, strideH=2, strideW=2)
    pooled = b.tensor([1, 1, 1, 8], 0.1, -128)
    b.op(
        "AVERAGE_POOL_2D",
        [maps],
        [pooled],
        filterHeight=58,
        filterWidth=61,
        strideH=58,
        strideW=61,
        padding=1,
    )
    weights = b.tensor([2, 8], 0.01, data=np.ones((2, 8)))
    bias = b.tensor([2], 0.001, dtype="int32", data=np.zeros(2))
    scores = b.tensor([1, 2], 0.1, 0)
    b.op("FULLY_CONNECTED", [pooled, weights, bias], [scores])
    probabilities = b.tensor([1, 2], 1 / 256, -128)
    b.op("SOFTMAX", [scores], [probabilities], beta=1.0)
    metadata = {**METADATA, "deploy": {**METADATA["deploy"], "stream": False}}
    return b.build([x], [probabilities], {"otolith": json.dumps(metadata).encode()})


def sliding() -> bytes:
    """Pool, strided convolution, dense. Most layers compute one row per hop. With metadata."""
    net = Net(np.random.default_rng(3), (1, FRAMES, BANDS, 1))
    taps = {"padding": 0, "strideH": 4, "strideW": 4, "filterHeight": 4, "filterWidth": 4}
    net.grow("AVERAGE_POOL_2D", [net.x], (1, 31, 33, 1), net.s, net.z, **taps)
    inputs, s = net.weights([4, 5, 5, 1], 4, 0, 25, True)
    net.grow("CONV_2D", inputs, (1, 14, 15, 4), s, padding=1, strideH=2, strideW=2)
    inputs, s = net.weights([2, 840], 2, 0, 840, False)
    net.grow("FULLY_CONNECTED", inputs, (1, 2), s)
    net.grow("SOFTMAX", [net.x], (1, 2), 1 / 256, -128, beta=0.1 / s)
    return with_metadata(net.build(), METADATA)


def sums() -> bytes:
    """Four weighted sums of eight inputs. Without metadata, for the bench app."""
    b = ModelBuilder()
    x = b.tensor([1, 8], 0.05, 3)
    weights = b.tensor([4, 8], 0.02, data=np.arange(-16, 16).reshape(4, 8))
    bias = b.tensor([4], 0.001, dtype="int32", data=np.array([100, -50, 0, 7]))
    y = b.tensor([1, 4], 0.05, -5)
    b.op("FULLY_CONNECTED", [x, weights, bias], [y])
    return b.build([x], [y])


def float_tanh() -> bytes:
    """float32 input and output with TANH between, an operation only the tflm engine supports."""
    b = ModelBuilder()
    x, y = b.tensor([1, 8], dtype="float32"), b.tensor([1, 8], dtype="float32")
    q, t = b.tensor([1, 8], 0.05, 3), b.tensor([1, 8], 1 / 128, 0)
    b.op("QUANTIZE", [x], [q])
    b.op("TANH", [q], [t])
    b.op("DEQUANTIZE", [t], [y])
    return b.build([x], [y])
