"""A network of one's own. The spec names it: architecture = "network:two_layers"."""

import tf_keras as keras


def two_layers(frames: int, bands: int, classes: int, dropout: float) -> keras.Model:
    """Two convolutions that halve the picture four times, and a dense layer."""
    x = inputs = keras.Input((frames, bands, 1), batch_size=1)
    for filters in (8, 16):
        x = keras.layers.Conv2D(filters, 5, strides=4, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
