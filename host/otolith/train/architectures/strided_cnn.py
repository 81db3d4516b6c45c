"""A plain network for many classes.

A strided convolution is followed by depthwise-separable ones and global average pooling.
"""

from otolith.train.architectures.separable import separable


def strided_cnn(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((frames, bands, 1), batch_size=None),
            layers.Conv2D(12, 5, strides=(4, 4), padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            *separable(24, 2),
            *separable(32, 1),
            *separable(64, 2),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(dropout),
            layers.Dense(classes, activation="softmax"),
        ]
    )
