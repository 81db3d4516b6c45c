"""A network for words with few training voices.

It has four 3 x 3 convolutions with max pooling between them, then global average pooling. It has
42,874 parameters with 10 classes and any window, and 4.0 million MACs at 49 x 40.
"""

FILTERS = (16, 24, 48, 64)


def speech_cnn(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    from tf_keras import Sequential, layers

    stack = [layers.Input((frames, bands, 1), batch_size=None)]
    for number, filters in enumerate(FILTERS):
        if number:
            stack += [layers.MaxPooling2D(2)]
        stack += [
            layers.Conv2D(filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    stack += [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(dropout),
        layers.Dense(classes, activation="softmax"),
    ]
    return Sequential(stack)
