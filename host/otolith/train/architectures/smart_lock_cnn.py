"""SensiML's smart lock (its tutorial "Smart Lock Audio Recognition"): keys, knocks and locks.

Four 2 x 2 convolutions and two dense layers on 20 cepstra of 15 steps: 24,580 parameters at
20 x 15 and 4 classes. Meant for inputs of that size: nothing pools, so the first dense layer grows
with the input. Unlike the tutorial, the batch norm comes before its ReLU, where it folds.
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
