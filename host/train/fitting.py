"""Training itself: learning rate, class balance, when to stop, the epoch that is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from host.errors import UserError
from host.spec import Train

KEYS = ("loss", "accuracy", "val_loss", "val_accuracy")


def learning_rate(keras, settings: Train, rate: float, epochs: int, batches: int) -> Any:
    """The schedule of `epochs` epochs of `batches` steps that begins at `rate`."""
    if settings.schedule == "constant":
        return rate
    if settings.schedule == "stepped":
        places = [round(share * epochs * batches) for share in settings.steps]
        values = [rate * settings.step_factor**i for i in range(len(places) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(places, values)
    return keras.optimizers.schedules.CosineDecay(rate, epochs * batches)


def picked(labels: np.ndarray, settings: Train) -> np.ndarray:
    """Indices of the training windows that are used: at most `cap` of a class, and with balance =
    "undersample" as many of each as of the rarest. In their order; the seed draws."""
    counts = np.bincount(labels)
    most = settings.cap or len(labels)
    if settings.balance == "undersample":
        most = min(most, counts[counts > 0].min())
    if counts.max() <= most:
        return np.arange(len(labels))
    rng = np.random.default_rng((settings.seed, 0xBA1))
    kept = [rng.permutation(np.flatnonzero(labels == c))[:most] for c in np.unique(labels)]
    return np.sort(np.concatenate(kept))


def class_weights(labels: np.ndarray, classes: int, settings: Train) -> dict[int, float] | None:
    """So that each class counts alike; None if they shall count by their number."""
    if settings.balance != "weights":
        return None
    counts = np.bincount(labels, minlength=classes)
    return {i: counts.mean() / c for i, c in enumerate(counts)}


@dataclass
class Watch:
    """Keeps the weights of the epoch with the lowest validation loss; ends training early.

    stopped: why, in words; "" if all epochs ran. best_epoch counts from 1.
    """

    settings: Train
    progress: Callable[[int, dict], None]
    best_epoch: int = 0
    stopped: str = ""
    loss: float = np.inf
    weights: list | None = None

    def callback(self, keras) -> Any:
        """For one call of fit()."""
        watch = self
        above = 0  # epochs in a row

        class Callback(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
                nonlocal above
                logs = logs or {}
                if not np.isfinite(logs.get("loss", 0)):
                    raise UserError(
                        f"training diverged in epoch {epoch + 1}: lower [train] learning_rate"
                    )
                if logs["val_loss"] < watch.loss:
                    watch.loss, watch.best_epoch = logs["val_loss"], epoch + 1
                    watch.weights = self.model.get_weights()
                settings = watch.settings
                above = above + 1 if logs["val_accuracy"] >= settings.threshold else 0
                if settings.threshold and above >= settings.patience:
                    watch.stopped = (
                        f"epoch {epoch + 1}: validation accuracy was at least "
                        f"{settings.threshold:g} for {settings.patience} epochs"
                    )
                elif settings.plateau and epoch + 1 - watch.best_epoch >= settings.plateau:
                    watch.stopped = (
                        f"epoch {epoch + 1}: no better validation loss for "
                        f"{settings.plateau} epochs"
                    )
                self.model.stop_training = bool(watch.stopped)
                watch.progress(epoch + 1, logs)

        return Callback()


def loss_of(keras, model) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """The loss for a network's output, and what it takes as labels: one sigmoid is a yes or no."""
    if model.output_shape[-1] == 1:
        return keras.losses.BinaryCrossentropy(), lambda labels: labels.astype(np.float32)[:, None]
    return keras.losses.SparseCategoricalCrossentropy(), lambda labels: labels
