"""esc_cnn for alarms: what the article's network has, after a maximum instead of a sample.

Nearest resizing looks at one cell in sixteen; the largest of each 4 x 4 keeps a narrow tone and a
short pulse. One hidden layer: 14,490 parameters with two classes.
"""


def alarm_cnn(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((frames, bands, 1), batch_size=None),
            layers.MaxPooling2D(4),
            layers.Conv2D(8, 8, strides=2, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(48, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
