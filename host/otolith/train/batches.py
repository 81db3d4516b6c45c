"""Examples in batches, for data that change from epoch to epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from otolith.augment.between_class import mix_sounds
from otolith.errors import UserError
from otolith.features.network_input import real_input
from otolith.settings.spec import Spec
from otolith.train.examples import Same, Variants

MAGNITUDES = ("spectrogram", "log2")  # the front end whose values are log2 of magnitudes


def mixed(
    values: np.ndarray,
    labels: np.ndarray,
    alpha: float,
    rng: np.random.Generator,
    sounds: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Mixes each row with another of the batch, and its labels likewise.

    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2017.

    Args:
        values: float32 (count, ...).
        labels: float32 (count, classes), shares of the classes.
        alpha: Both parameters of the Beta distribution that shares are drawn from.
        rng: Draws partners and shares.
        sounds: Values are log2 of magnitudes, and the sounds are mixed instead of the values.

    Returns:
        Mixed values and labels. At least half of each row is the row itself.
    """
    other = rng.permutation(len(labels))
    share = rng.beta(alpha, alpha, len(labels)).astype(np.float32)
    share = np.maximum(share, 1 - share)  # mostly itself
    both = share[:, None] * labels + (1 - share[:, None]) * labels[other]
    if sounds:
        return mix_sounds(values, values[other], share), both
    by_row = share.reshape(-1, *(1,) * (values.ndim - 1))
    return by_row * values + (1 - by_row) * values[other], both


def batches(
    keras: Any,
    variants: Variants | Same,
    spec: Spec,
    labels_of: Callable[[np.ndarray], np.ndarray],
    first: int,
    epochs: int,
) -> Any:
    """Makes a Keras sequence of batches whose data change between epochs.

    Args:
        keras: The tf_keras module.
        variants: Gives the examples of each epoch.
        spec: Batch size, mixup and the seed that shuffles.
        labels_of: Turns class numbers into what the loss takes.
        first: Number of the first epoch, from 0.
        epochs: Number of the epoch it ends before.

    Returns:
        A tf_keras Sequence of (float32 features, labels).
    """
    front_end, size = spec.features, spec.train.batch
    if spec.train.mix == "sounds" and (front_end.kind, front_end.compress) != MAGNITUDES:
        raise UserError(
            '[train] mix = "sounds" adds magnitudes: it needs [features] kind = "spectrogram" and '
            'compress = "log2"'
        )

    class Batches(keras.utils.Sequence):
        def __init__(self) -> None:
            super().__init__()
            self.number = first - 1
            self.on_epoch_end()

        def on_epoch_end(self) -> None:
            self.number += 1
            if self.number >= epochs > first:
                return  # that was the last one
            self.examples = variants.epoch(self.number)
            rng = np.random.default_rng((spec.train.seed, self.number, 0xE90C))
            self.order = rng.permutation(len(self.examples.labels))

        def __len__(self) -> int:
            return -(-len(self.order) // size)

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            rows = np.sort(self.order[index * size : (index + 1) * size])
            values = real_input(self.examples.values[rows], front_end)
            labels = labels_of(self.examples.labels[rows])
            if spec.train.mixup:
                rng = np.random.default_rng((spec.train.seed, self.number, index, 0x313))
                sounds = spec.train.mix == "sounds"
                return mixed(values, labels, spec.train.mixup, rng, sounds)
            return values, labels

    return Batches()
