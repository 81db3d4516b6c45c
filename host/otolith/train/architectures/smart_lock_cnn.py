"""The network of SensiML's tutorial "Smart Lock Audio Recognition": keys, knocks and locks.

It has four 2 x 2 convolutions and two dense layers for 20 cepstra of 15 frames, with 24,580
parameters at 4 classes. It is meant for inputs of that size. Without pooling, the first dense layer
grows with the input. Unlike in the tutorial, the batch norm comes before its ReLU, so that it can
be folded.
"""


def smart_lock_cnn(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((frames, bands, 1), batch_size=None),
            layers.Conv2D(16, 2, activation="relu"),
            layers.Dropout(dropout),
            layers.Conv2D(16, 2),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(dropout),
            layers.Conv2D(8, 2, activation="relu"),
            layers.Dropout(dropout),
            layers.Conv2D(8, 2, activation="relu"),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
