"""Small networks for a Cortex-M0+ that classifies many times per second.

A strided convolution is followed by depthwise-separable ones.

name              made for            parameters: training  inference     MACs
smart_lock_small  15 x 20, 4 classes                 2,292      1,952   64,000
keyword_cnn       49 x 23, 5 classes                 7,733      6,960  732,704
"""

from otolith.train.architectures.separable import separable


def smart_lock_small(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes). It costs a seventh of smart_lock_cnn."""
    return _compact((frames, bands, classes, dropout), 3, 12, ((24, 1), (40, 2)))


def keyword_cnn(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _compact((frames, bands, classes, dropout), 5, 16, ((32, 1), (48, 2), (64, 1)))


def _compact(sizes: tuple, taps: int, first: int, stack: tuple[tuple[int, int], ...]):
    """`stack` has the filters and stride of each separable convolution."""
    from tf_keras import Sequential, layers

    frames, bands, classes, dropout = sizes
    chain = [
        layers.Input((frames, bands, 1), batch_size=None),
        layers.Conv2D(first, taps, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]
    for filters, stride in stack:
        chain += separable(filters, stride)
    chain += [layers.GlobalAveragePooling2D(), layers.Dropout(dropout)]
    return Sequential([*chain, layers.Dense(classes, activation="softmax")])
