"""A depthwise-separable convolution, as strided_cnn and separable_cnn stack them."""


def separable(filters: int, stride: int) -> list:
    """Layers: 3 x 3 depthwise, then 1 x 1 to `filters`, each with batch norm and ReLU."""
    from tf_keras import layers

    return [
        layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(filters, 1, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]
