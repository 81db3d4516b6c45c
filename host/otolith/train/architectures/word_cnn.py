"""A network for words whose bands are channels: every convolution runs along time.

Source of the idea: Majumdar and Ginsburg, "MatchboxNet: 1D Time-Channel Separable Convolutional
Neural Network Architecture for Speech Commands Recognition" (arXiv 2004.08531). A strided
convolution is followed by depthwise-separable blocks with a sum around each, a second stride,
another block and global average pooling. With 49 x 40 values and 2 classes, word_cnn_m has 27,122
parameters and 477,552 MACs, word_cnn_l 222,594 parameters and 3,466,112 MACs.
"""

TAPS = 9  # frames a depthwise convolution covers


def word_cnn_m(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _word_cnn((frames, bands), classes, dropout, (48, 96), (2, 1))


def word_cnn_l(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _word_cnn((frames, bands), classes, dropout, (128, 256), (2, 2))


def _word_cnn(shape, classes: int, dropout: float, widths, blocks):
    """widths, blocks: Filters and blocks of each stage."""
    from tf_keras import Model, layers

    frames, bands = shape

    def normal(y):
        return layers.BatchNormalization()(y)

    def separable(y, filters: int, stride: int):
        y = layers.DepthwiseConv2D((TAPS, 1), strides=stride, padding="same", use_bias=False)(y)
        y = layers.ReLU()(normal(y))
        return normal(layers.Conv2D(filters, 1, use_bias=False)(y))

    start = layers.Input((frames, bands, 1))
    x = layers.Reshape((frames, 1, bands))(start)
    x = layers.Conv2D(widths[0], (3, 1), strides=(2, 1), padding="same", use_bias=False)(x)
    x = layers.ReLU()(normal(x))
    for stage, (filters, count) in enumerate(zip(widths, blocks, strict=True)):
        if stage:
            x = layers.ReLU()(separable(x, filters, 2))
        for _ in range(count):
            x = layers.ReLU()(layers.Add()([x, separable(x, filters, 1)]))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return Model(start, layers.Dense(classes, activation="softmax")(x))
