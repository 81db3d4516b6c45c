"""Training itself: learning rate, class balance, when to stop, the epoch that is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from otolith.errors import UserError
from otolith.settings.spec import Train

PLAIN = Train()
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

    stopped: why, in words; "" if all epochs ran. best_epoch counts from 1; best_accuracy is
    its validation accuracy. above: epochs in a row
    that reached the threshold. deadline: time.monotonic() after which no other epoch begins.
    """

    settings: Train
    progress: Callable[[int, dict], None]
    best_epoch: int = 0
    best_accuracy: float = 0.0
    stopped: str = ""
    loss: float = np.inf
    above: int = 0
    weights: list | None = None
    deadline: float = np.inf
    history: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in KEYS})

    def epoch_done(self, epoch: int, logs: dict, weights: Callable[[], list]) -> None:
        """Judge an epoch, counted from 1."""
        if not all(np.isfinite(logs[key]) for key in ("loss", "val_loss")):
            raise UserError(f"training diverged in epoch {epoch}: lower [train] learning_rate")
        for key in KEYS:
            self.history[key].append(round(float(logs[key]), 5))
        if logs["val_loss"] < self.loss:
            self.loss, self.best_epoch = float(logs["val_loss"]), epoch
            self.best_accuracy = float(logs["val_accuracy"])
            self.weights = weights()
        settings = self.settings
        self.above = self.above + 1 if logs["val_accuracy"] >= settings.threshold else 0
        if settings.threshold and self.above >= settings.patience:
            self.stopped = (
                f"epoch {epoch}: validation accuracy was at least {settings.threshold:g} for "
                f"{settings.patience} epochs"
            )
        elif settings.plateau and epoch - self.best_epoch >= settings.plateau:
            self.stopped = f"epoch {epoch}: no better validation loss for {settings.plateau} epochs"
        elif time.monotonic() > self.deadline:
            self.stopped = f"epoch {epoch}: time is up"
        self.progress(epoch, logs)

    def callback(self, keras, after: Callable[[int], None] = lambda epoch: None) -> Any:
        """For one call of fit(). after: called with the number of each epoch judged."""
        watch = self

        class Callback(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
                watch.epoch_done(epoch + 1, logs or {}, self.model.get_weights)
                self.model.stop_training = bool(watch.stopped)
                after(epoch + 1)

        return Callback()


def loss_of(
    keras, model, settings: Train = PLAIN
) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """The loss for a network's output, and what it takes as labels: one sigmoid is a yes or no;
    mixed or smoothed labels are shares of classes."""
    outputs = model.output_shape[-1]
    if outputs == 1:
        loss = keras.losses.BinaryCrossentropy(label_smoothing=settings.smoothing)
        return loss, lambda labels: labels.astype(np.float32)[:, None]
    if settings.mixup or settings.smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=settings.smoothing)
        return loss, lambda labels: np.eye(outputs, dtype=np.float32)[labels]
    return keras.losses.SparseCategoricalCrossentropy(), lambda labels: labels
