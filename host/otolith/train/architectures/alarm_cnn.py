"""esc_cnn for alarms: max pooling replaces the resizing of the article's network.

Nearest-neighbour resizing reads one cell of sixteen. The maximum of each 4 x 4 cells keeps narrow
tones and short pulses. There is one hidden dense layer. With two classes, the network has 14,490
parameters.
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
