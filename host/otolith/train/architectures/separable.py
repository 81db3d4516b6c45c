"""The depthwise-separable convolution that several architectures share."""


def separable(filters: int, stride: int) -> list:
    """The layers: a 3 x 3 depthwise and a 1 x 1 convolution, each with batch norm and ReLU."""
    from tf_keras import layers

    return [
        layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(filters, 1, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]
