"""Networks for wake words on small chips: mixed depthwise convolutions along time.

Sources: Tan and Le, "MixConv: Mixed Depthwise Convolutional Kernels" (arXiv 1907.09595), and
microWakeWord's use of it for streams of sound. The bands are the channels. A convolution over 5
frames with stride 3 is followed by blocks of a depthwise convolution along time and a 1 x 1
convolution. In some blocks, half of the channels have a shorter depthwise kernel, which sees the
newest rows only.

Nothing is padded in time. So after a hop of 3 frames, every layer computes one new row and takes
the others from the hops before (docs/streaming.md).

    name          filters  channels  parameters        MACs of a hop of 3 frames
    mixed_conv_s         32        64      25,314      24,160
    mixed_conv_m         48        96      48,722      46,992
    mixed_conv_l         64       128      79,298      76,992

The figures are for 170 frames of 40 bands (1.7 s at a frame every 10 ms) and 2 classes. Such a
window leaves 6 rows, which are averaged. If a window is shorter than 158 frames, kernels are
shortened in proportion.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from otolith.errors import UserError

FIRST, STRIDE = 5, 3  # frames
KERNELS = ((5,), (7, 11), (9, 15), (23,))  # rows, of each block's channel groups


def mixed_conv_s(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _mixed_conv((frames, bands, classes, dropout), filters=32, channels=64)


def mixed_conv_m(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _mixed_conv((frames, bands, classes, dropout), filters=48, channels=96)


def mixed_conv_l(frames: int, bands: int, classes: int, dropout: float):
    """(1, frames, bands, 1) -> (1, classes)."""
    return _mixed_conv((frames, bands, classes, dropout), filters=64, channels=128)


def _mixed_conv(sizes: tuple, filters: int, channels: int):
    from tf_keras import Sequential, layers

    frames, bands, classes, dropout = sizes
    if frames < FIRST:
        raise UserError(f"mixed_conv needs a window of {FIRST} frames or more, not {frames}")
    stack = [
        layers.Input((frames, bands, 1), batch_size=None),
        layers.Reshape((frames, 1, bands)),
        layers.Conv2D(filters, (FIRST, 1), strides=STRIDE, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]
    for lengths in _kernels((frames - FIRST) // STRIDE + 1):
        stack += [
            _mixed(lengths),
            layers.Conv2D(channels, 1, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    stack += [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(dropout),
        layers.Dense(classes, activation="softmax"),
    ]
    model = Sequential(stack)
    for layer in model.layers:  # the constraint acts only after a step of training
        if isinstance(layer, layers.DepthwiseConv2D):
            layer.depthwise_kernel.assign(layer.depthwise_constraint(layer.depthwise_kernel))
    return model


def _kernels(rows: int) -> list[tuple[int, ...]]:
    """The kernels' lengths. At least one of `rows` rows remains after all blocks."""
    used = sum(max(lengths) - 1 for lengths in KERNELS)
    part = min(1.0, (rows - 1) / used)
    return [tuple(1 + int((length - 1) * part) for length in group) for group in KERNELS]


def _mixed(lengths: tuple[int, ...]):
    """A depthwise convolution whose channels have kernels of several lengths.

    It is one convolution of the greatest length. The oldest weights of shorter kernels are 0.
    """
    from tf_keras import layers

    return layers.DepthwiseConv2D(
        (max(lengths), 1), use_bias=False, depthwise_constraint=_constraint()(lengths=lengths)
    )


@cache
def _constraint():
    """The class of Keras constraints that keep kernels short."""
    import tf_keras

    @tf_keras.utils.register_keras_serializable("otolith")
    class NewestRows(tf_keras.constraints.Constraint):
        def __init__(self, lengths: tuple[int, ...]) -> None:
            self.lengths = tuple(lengths)

        def __call__(self, w):
            rows, _, channels, _ = w.shape
            mask = np.zeros((rows, 1, channels, 1), np.float32)
            groups = np.array_split(np.arange(channels), len(self.lengths))
            for length, group in zip(self.lengths, groups, strict=True):
                mask[rows - length :, 0, group] = 1
            return w * mask

        def get_config(self):
            return {"lengths": list(self.lengths)}

    return NewestRows
