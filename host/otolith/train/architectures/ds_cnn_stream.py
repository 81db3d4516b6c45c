"""DS-CNN for streams: the network of ds_cnn.py without padding in time.

Padding in time makes the first and last rows of every layer differ from those one hop later, so
that they are computed again. Without it, a hop of 2 frames computes one new row of every layer
(docs/streaming.md). Bands are padded as before.

    name             filters  parameters  MACs of a hop of 2 frames
    ds_cnn_stream_s       32       8,076     130,944
    ds_cnn_stream_m       64      24,332     425,728
    ds_cnn_stream_l       96      48,780     884,352

The figures are for 49 frames of 40 bands and 12 classes, batch norm counted. The window must
have 26 frames or more.
"""

from __future__ import annotations

from otolith.errors import UserError

FIRST = (10, 4)  # frames, bands
STRIDE = 2
BLOCKS = 4
SHORTEST = FIRST[0] + STRIDE * 2 * BLOCKS  # frames


def ds_cnn_stream_s(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _ds_cnn_stream((frames, bands, classes, dropout), 32)


def ds_cnn_stream_m(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _ds_cnn_stream((frames, bands, classes, dropout), 64)


def ds_cnn_stream_l(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _ds_cnn_stream((frames, bands, classes, dropout), 96)


def _ds_cnn_stream(sizes: tuple, filters: int):
    from tf_keras import Sequential, layers

    frames, bands, classes, dropout = sizes
    if frames < SHORTEST:
        raise UserError(f"ds_cnn_stream needs {SHORTEST} frames or more, not {frames}")
    stack = [
        layers.Input((frames, bands, 1), batch_size=None),
        layers.ZeroPadding2D(((0, 0), (1, 2))),
        layers.Conv2D(filters, FIRST, strides=STRIDE, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]
    for _ in range(BLOCKS):
        stack += [
            layers.ZeroPadding2D(((0, 0), (1, 1))),
            layers.DepthwiseConv2D(3, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(filters, 1, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    stack += [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(dropout),
        layers.Dense(classes, activation="softmax"),
    ]
    return Sequential(stack)
