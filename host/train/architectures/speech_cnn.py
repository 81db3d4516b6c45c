"""For words from few voices: 3 x 3 convolutions over what differs from the window's mean spectrum.

Each band's mean over time is taken away first (cepstral mean subtraction, Atal 1974, in the log
domain): what a microphone, a room and a voice add to all frames alike is gone before the first
weight. 61,402 parameters at any window and 10 classes, 6.2 million MACs at 49 x 40.
"""

FILTERS = (16, 32, 64, 64)


def speech_cnn(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) of log energies -> (1, classes)."""
    from tf_keras import Model, layers

    inputs = layers.Input((frames, bands, 1))
    mean = layers.AveragePooling2D((frames, 1))(inputs)
    x = layers.Subtract()([inputs, mean])
    for number, filters in enumerate(FILTERS):
        if number:
            x = layers.MaxPooling2D(2)(x)
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))
