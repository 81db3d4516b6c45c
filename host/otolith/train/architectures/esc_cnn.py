"""The small network from the article of Arm and TensorFlow on audio classification with a Pico.

It resizes the input to 32 x 32 and has an 8 x 8 convolution with 8 filters, max pooling and a dense
layer. It has 14,970 parameters with the 50 classes of ESC-50 and 1,098 with two classes.
"""


def esc_cnn(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((frames, bands, 1), batch_size=None),
            layers.Resizing(32, 32, interpolation="nearest"),
            layers.Conv2D(8, 8, strides=2, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(classes, activation="softmax"),
        ]
    )
