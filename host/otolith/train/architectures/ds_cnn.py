"""DS-CNN of Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers" (arXiv 1711.07128).

A convolution is followed by four depthwise-separable ones and global average pooling. ds_cnn_s is
also the keyword network of MLPerf Tiny. At 49 x 10 and 12 classes, it has 24,908 parameters, or
22,604 with folded batch norm. ds_cnn_m has 141,224 and 135,032.
"""


def ds_cnn_s(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _ds_cnn((frames, bands, classes, dropout), 64, first_stride=(2, 2), second_stride=1)


def ds_cnn_m(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _ds_cnn((frames, bands, classes, dropout), 172, first_stride=(2, 1), second_stride=2)


def _ds_cnn(sizes: tuple, filters: int, first_stride: tuple[int, int], second_stride: int):
    from tf_keras import Sequential, layers

    frames, bands, classes, dropout = sizes

    def separable(stride: int) -> list:
        return [
            layers.DepthwiseConv2D(3, strides=stride, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(filters, 1),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]

    return Sequential(
        [
            layers.Input((frames, bands, 1), batch_size=None),
            layers.Conv2D(filters, (10, 4), strides=first_stride, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            *separable(second_stride),
            *separable(1),
            *separable(1),
            *separable(1),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(dropout),
            layers.Dense(classes, activation="softmax"),
        ]
    )
