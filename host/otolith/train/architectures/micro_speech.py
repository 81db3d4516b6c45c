"""TensorFlow Lite Micro's micro_speech ("tiny_conv"): yes and no on 20 kB of flash.

One convolution of 8 filters, 10 steps by 8 bands, stride 2, and one dense layer: 16,652 parameters
at 49 x 40 and 4 classes.
"""


def micro_speech(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((frames, bands, 1), batch_size=None),
            layers.Conv2D(8, (10, 8), strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(classes, activation="softmax"),
        ]
    )
