"""TENet of Li, Wei and Qin, "Small-Footprint Keyword Spotting with Multi-Scale Temporal
Convolution" (arXiv 2010.09960), shaped as Silicon Labs' MLTK shapes it.

The bands are the channels, and every convolution runs along time. A stage is a few inverted
bottlenecks, the first of stride 2; each trains depthwise convolutions of 9, 7, 5 and 3 steps side
by side, which for_inference() adds up into one of 9.

    name     blocks  channels  usual input         parameters: training   inference
    tenet6        6        32  98 x 40, 12 classes           70,700         55,148
    tenet12      12        32  98 x 40, 12 classes          133,676        102,572
    tenet6_narrow 6        12  98 x 104, 3 classes           19,347         13,515
    tenet20      20        50  98 x 104, 3 classes          465,303        384,303

tenet20 is what MLTK's tutorial on the words on and off trains (its "TENet12", five stages of four).
"""

from otolith.train.architectures.multi_scale import for_inference, multi_scale

__all__ = ["for_inference", "tenet6", "tenet6_narrow", "tenet12", "tenet20"]

SCALES = (9, 7, 5, 3)
EXPANSION = 3


def tenet6(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _tenet((frames, bands, classes, dropout), channels=32, stages=3, depth=2)


def tenet6_narrow(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes). For chips without SIMD."""
    return _tenet((frames, bands, classes, dropout), channels=12, stages=3, depth=2)


def tenet12(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _tenet((frames, bands, classes, dropout), channels=32, stages=3, depth=4)


def tenet20(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _tenet((frames, bands, classes, dropout), channels=50, stages=5, depth=4)


def _tenet(sizes: tuple, channels: int, stages: int, depth: int):
    from tf_keras import Model, layers

    frames, bands, classes, dropout = sizes
    start = layers.Input((frames, bands, 1))
    x = layers.Reshape((frames, 1, bands))(start)
    x = layers.Conv2D(channels, (3, 1), padding="same")(x)
    for _ in range(stages):
        for block in range(depth):
            x = _bottleneck(x, channels, stride=2 if block == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return Model(start, layers.Dense(classes, activation="softmax")(x))


def _bottleneck(x, channels: int, stride: int):
    """Widen, convolve along time, narrow; plus what came in, brought to the new rate."""
    from tf_keras import layers

    def pointwise(y, filters: int, stride: int = 1):
        y = layers.Conv2D(filters, 1, strides=stride, padding="same", use_bias=False)(y)
        return layers.BatchNormalization()(y)

    wide = layers.ReLU()(pointwise(x, EXPANSION * channels))
    wide = layers.ReLU()(multi_scale(wide, SCALES, stride))
    narrow = pointwise(wide, channels)
    beside = x if stride == 1 else layers.ReLU()(pointwise(x, channels, stride))
    return layers.ReLU()(layers.Add()([narrow, beside]))
