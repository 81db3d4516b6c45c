"""A network for words whose bands are channels: every convolution runs along time.

Source of the idea: Majumdar and Ginsburg, "MatchboxNet: 1D Time-Channel Separable Convolutional
Neural Network Architecture for Speech Commands Recognition" (arXiv 2004.08531). A strided
convolution is followed by depthwise-separable blocks with a sum around each, a second stride,
another block and global average pooling. With 49 x 40 values and 2 classes, it has 26,306
parameters and 477,924 MACs.
"""

WIDTHS, BLOCKS = (48, 96), (2, 1)  # of each stage
TAPS = 9  # frames a depthwise convolution covers


def word_cnn_m(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    from tf_keras import Model, layers

    def normal(y):
        return layers.BatchNormalization()(y)

    def separable(y, filters: int, stride: int):
        y = layers.DepthwiseConv2D((TAPS, 1), strides=stride, padding="same", use_bias=False)(y)
        y = layers.ReLU()(normal(y))
        return normal(layers.Conv2D(filters, 1, use_bias=False)(y))

    start = layers.Input((frames, bands, 1))
    x = layers.Reshape((frames, 1, bands))(start)
    x = layers.Conv2D(WIDTHS[0], (3, 1), strides=(2, 1), padding="same", use_bias=False)(x)
    x = layers.ReLU()(normal(x))
    for stage, (filters, count) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
        if stage:
            x = layers.ReLU()(separable(x, filters, 2))
        for _ in range(count):
            x = layers.ReLU()(layers.Add()([x, separable(x, filters, 1)]))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return Model(start, layers.Dense(classes, activation="softmax")(x))
