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


def mixed(
    values: np.ndarray,
    labels: np.ndarray,
    alpha: float,
    rng: np.random.Generator,
    octave: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Mixes each row with another of the batch, and its labels likewise.

    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2017.

    Args:
        values: float32 (count, ...).
        labels: float32 (count, classes), shares of the classes.
        alpha: Both parameters of the Beta distribution that shares are drawn from.
        rng: Draws partners and shares.
        octave: By how much values grow when a sound's magnitude doubles: the sounds are mixed
            instead of the values. 0: the values are mixed.

    Returns:
        Mixed values and labels. At least half of each row is the row itself.
    """
    other = rng.permutation(len(labels))
    share = rng.beta(alpha, alpha, len(labels)).astype(np.float32)
    share = np.maximum(share, 1 - share)  # mostly itself
    both = share[:, None] * labels + (1 - share[:, None]) * labels[other]
    if octave:
        logs = values / np.float32(octave)
        return octave * mix_sounds(logs, logs[other], share), both
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
    if spec.train.mix == "sounds" and not front_end.octave:
        raise UserError(
            '[train] mix = "sounds" adds magnitudes: it needs [features] kind = "spectrogram" and '
            'compress = "log2", or kind = "logmel" without noise reduction and PCAN'
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
                octave = front_end.octave if spec.train.mix == "sounds" else 0.0
                return mixed(values, labels, spec.train.mixup, rng, octave)
            return values, labels

    return Batches()
