"""A network of six frames, the smallest with metadata that the compiler accepts."""

import numpy as np

from support.random_models import Net, conv_2d, fully_connected, softmax

METADATA = {
    "format": 1,
    "name": "tiny",
    "classes": ["background", "alarm"],
    "features": {
        "kind": "spectrogram",
        "sample_rate": 16000,
        "window": 256,
        "hop": 128,
        "frames": 6,
        "bands": 129,
        "compress": "log2",
    },
    "detect": {
        "gate": 0,
        "smoothing": 4,
        "minimum_count": 2,
        "suppression_hops": 31,
        "thresholds": {"alarm": 0.8},
    },
    "deploy": {"hop_frames": 4},
}


def network() -> bytes:
    """Six frames of 129 bands to two scores."""
    net = Net(np.random.default_rng(1), (1, 6, 129, 1))
    conv_2d(net)
    while net.shape[-1] != 2 or len(net.shape) != 2:
        fully_connected(net)
    softmax(net)
    return net.build()
