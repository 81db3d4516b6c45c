"""How a network learns: how long, at which rate, from which windows, and what is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from otolith.errors import UserError
from otolith.settings.spec import Train

PLAIN = Train()
LEAST_EPOCHS, MOST_EPOCHS = 20, 500  # where the spec names none
KEYS = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Length:
    """How long training goes on.

    epochs: At most so many. plateau: Epochs without a better validation loss that end it; 0: none.
    """

    epochs: int
    plateau: int


def length(settings: Train, windows: int) -> Length:
    """Decides how long to train.

    A network needs updates, not passes over the data: twenty epochs of a small set are too few
    updates to learn anything. A spec that names no epochs gets as many as make [train] updates, and
    training ends once a fifth of them brought no better validation loss.

    Args:
        settings: [train] of the spec. Epochs and plateau it names are kept.
        windows: In the training set.
    """
    if settings.epochs:
        return Length(settings.epochs, settings.plateau)
    batches = -(-windows // settings.batch)
    epochs = min(MOST_EPOCHS, max(LEAST_EPOCHS, -(-settings.updates // batches)))
    return Length(epochs, settings.plateau or max(LEAST_EPOCHS // 2, epochs // 5))


def learning_rate(keras: Any, settings: Train, rate: float, epochs: int, batches: int) -> Any:
    """Makes the learning rate's schedule.

    Args:
        keras: The tf_keras module.
        settings: [train] of the spec.
        rate: What it begins at.
        epochs: How many there are at most.
        batches: Updates in an epoch.

    Returns:
        What an optimizer takes as learning_rate.
    """
    if settings.schedule == "constant":
        return rate
    if settings.schedule == "stepped":
        places = [round(share * epochs * batches) for share in settings.steps]
        values = [rate * settings.step_factor**i for i in range(len(places) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(places, values)
    return keras.optimizers.schedules.CosineDecay(rate, epochs * batches)


def picked(labels: np.ndarray, settings: Train) -> np.ndarray:
    """Chooses the training windows that are used.

    Args:
        labels: (windows,) class numbers.
        settings: At most `cap` windows of a class; with balance = "undersample" as many of each
            class as of the rarest. `seed` draws them.

    Returns:
        Their indices, rising.
    """
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
    """Weights that make all classes count alike; None unless balance = "weights"."""
    if settings.balance != "weights":
        return None
    counts = np.bincount(labels, minlength=classes)
    return {i: counts.mean() / c for i, c in enumerate(counts)}


@dataclass
class Watch:
    """Keeps the weights of the epoch with the lowest validation loss, and ends training early.

    progress: Called with each epoch, from 1, and its figures. best_epoch: Counts from 1.
    best_accuracy: Its validation accuracy. stopped: Why training ended early, else empty. loss: The
    lowest validation loss. above: Epochs in a row that reached the threshold. deadline: No epoch
    begins after this time.monotonic().
    """

    settings: Train
    progress: Callable[[int, dict[str, float]], None]
    best_epoch: int = 0
    best_accuracy: float = 0.0
    stopped: str = ""
    loss: float = np.inf
    above: int = 0
    weights: list[np.ndarray] | None = None
    deadline: float = np.inf
    history: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in KEYS})

    def epoch_done(
        self, epoch: int, logs: dict[str, float], weights: Callable[[], list[np.ndarray]]
    ) -> None:
        """Takes note of an epoch, counted from 1.

        Raises:
            UserError: The loss is not a number.
        """
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

    def callback(self, keras: Any, after: Callable[[int], None] = lambda epoch: None) -> Any:
        """Makes the callback for one call of fit(); `after` is called with each epoch's number."""
        watch = self

        class Callback(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                watch.epoch_done(epoch + 1, logs or {}, self.model.get_weights)
                self.model.stop_training = bool(watch.stopped)
                after(epoch + 1)

        return Callback()


def loss_of(
    keras: Any, model: Any, settings: Train = PLAIN
) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """Chooses the loss.

    Args:
        keras: The tf_keras module.
        model: One output is a sigmoid, more are a softmax.
        settings: With mixup or smoothing, labels are shares of classes.

    Returns:
        The loss, and a function that turns class numbers into what it takes as labels.
    """
    outputs = model.output_shape[-1]
    if outputs == 1:
        loss = keras.losses.BinaryCrossentropy(label_smoothing=settings.smoothing)
        return loss, lambda labels: labels.astype(np.float32)[:, None]
    if settings.mixup or settings.smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=settings.smoothing)
        return loss, lambda labels: np.eye(outputs, dtype=np.float32)[labels]
    return keras.losses.SparseCategoricalCrossentropy(), lambda labels: labels
