"""BC-ResNet-1, adapted to int8 inference.

Source: Kim et al., "Broadcasted Residual Learning for Efficient Keyword Spotting" (arXiv
2106.04140). Each block convolves along frequency. It then averages over frequency, convolves along
time and adds the result to every band.

The network has 7,760 trained parameters at 98 x 40 and 12 classes. The paper's network has 9,232.
It normalises five sub-bands separately, which can't be folded into a convolution. It also uses
swish instead of ReLU, which costs a sigmoid and a product in each block.
"""

BLOCKS = (2, 2, 4, 4)  # per stage
CHANNELS = (8, 12, 16, 20)
HALVING = (1, 2)  # stages that halve the number of bands


def bc_resnet(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    from tf_keras import Model, layers

    start = layers.Input((frames, bands, 1))
    x = layers.Conv2D(16, 5, strides=(1, 2), padding="same", use_bias=False)(start)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for stage, (blocks, channels) in enumerate(zip(BLOCKS, CHANNELS, strict=True)):
        for block in range(blocks):
            halve = block == 0 and stage in HALVING
            x = _block(x, channels, 2**stage, dropout / 2, first=block == 0, halve=halve)
    x = layers.ZeroPadding2D(((2, 2), (0, 0)))(x)
    x = layers.DepthwiseConv2D((5, min(5, x.shape[2])), use_bias=False)(x)
    x = layers.Conv2D(32, 1, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(start, layers.Dense(classes, activation="softmax")(x))


def _block(x, channels: int, dilation: int, dropout: float, first: bool, halve: bool):
    from tf_keras import layers

    def depthwise(y, size: tuple[int, int], rate: tuple[int, int] = (1, 1)):
        y = layers.DepthwiseConv2D(size, padding="same", dilation_rate=rate, use_bias=False)(y)
        return layers.BatchNormalization()(y)

    y = x
    if first:
        y = layers.Conv2D(channels, 1, use_bias=False)(y)
        y = layers.ReLU()(layers.BatchNormalization()(y))
    across = depthwise(y, (1, 3))
    if halve:  # takes every second band: TensorFlow has no depthwise stride along one axis
        across = layers.MaxPooling2D(1, strides=(1, 2))(across)
    along = layers.AveragePooling2D((1, across.shape[2]))(across)
    along = layers.ReLU()(depthwise(along, (3, 1), (dilation, 1)))
    along = layers.Conv2D(channels, 1, use_bias=False)(along)
    along = layers.SpatialDropout2D(dropout)(along)
    whole = across if first else layers.Add()([across, x])
    return layers.ReLU()(layers.Add()([whole, along]))
