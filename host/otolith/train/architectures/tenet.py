"""TENet in the variant of Silicon Labs' MLTK.

Source: Li, Wei and Qin, "Small-Footprint Keyword Spotting with Multi-Scale Temporal Convolution"
(arXiv 2010.09960). The bands are the channels, and every convolution runs along time. Each stage
has several inverted bottlenecks, the first with stride 2. A bottleneck trains parallel depthwise
convolutions over 9, 7, 5 and 3 frames. for_inference() merges them into one over 9 frames.

    name     blocks  channels  usual input         parameters: training   inference
    tenet6        6        32  98 x 40, 12 classes           70,700         55,148
    tenet12      12        32  98 x 40, 12 classes          133,676        102,572
    tenet6_narrow 6        12  98 x 104, 3 classes           19,347         13,515
    tenet20      20        50  98 x 104, 3 classes          465,303        384,303

tenet20 is the network of MLTK's tutorial on the words on and off. MLTK calls it "TENet12". It has
five stages of four blocks.
"""

from otolith.train.architectures.multi_scale import for_inference, multi_scale

__all__ = ["for_inference", "tenet6", "tenet6_narrow", "tenet12", "tenet20"]

SCALES = (9, 7, 5, 3)
EXPANSION = 3


def tenet6(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _tenet((frames, bands, classes, dropout), channels=32, stages=3, depth=2)


def tenet6_narrow(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes). Suits chips without SIMD."""
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
    """An inverted bottleneck: widen, convolve along time, narrow, add the (strided) input."""
    from tf_keras import layers

    def pointwise(y, filters: int, stride: int = 1):
        y = layers.Conv2D(filters, 1, strides=stride, padding="same", use_bias=False)(y)
        return layers.BatchNormalization()(y)

    wide = layers.ReLU()(pointwise(x, EXPANSION * channels))
    wide = layers.ReLU()(multi_scale(wide, SCALES, stride))
    narrow = pointwise(wide, channels)
    beside = x if stride == 1 else layers.ReLU()(pointwise(x, channels, stride))
    return layers.ReLU()(layers.Add()([narrow, beside]))
