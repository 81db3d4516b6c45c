"""TensorFlow Lite Micro's micro_speech ("tiny_conv"), which detects yes and no in 20 kB of flash.

It has a convolution with 8 filters of 10 frames by 8 bands and stride 2, and a dense layer. At
49 x 40 and 4 classes, it has 16,652 parameters.
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
