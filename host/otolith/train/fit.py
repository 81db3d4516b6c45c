"""The course of one training: build or take over, fit, quantise."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from otolith.errors import UserError
from otolith.features import step
from otolith.settings.spec import Spec
from otolith.train import qat, transfer
from otolith.train.checkpoint import Checkpoint, State
from otolith.train.convert import to_int8
from otolith.train.examples import Same, Variants, batches
from otolith.train.learning import KEYS, Watch, class_weights, learning_rate, loss_of


def per_class(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """About `count` indices, as many of each class as there are."""
    rng = np.random.default_rng(seed)
    groups = [rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)]
    each = -(-count // len(groups))
    return np.concatenate([group[:each] for group in groups])


def both(scores: np.ndarray) -> np.ndarray:
    """Scores of all classes: one sigmoid is that of the second of two."""
    return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores


class Course:
    """real: float32 features of the sets; "train" is missing where it is `changing`:
    in variants, or mixed.

    seconds: of fitting, after which no epoch begins. state: where an earlier training stopped.
    """

    def __init__(
        self,
        keras: Any,
        spec: Spec,
        real: dict[str, np.ndarray],
        labels: np.ndarray,
        validation: np.ndarray,
        changing: Variants | Same | None,
        progress: Callable[..., None],
        checkpoint: Checkpoint,
        state: State | None = None,
        seconds: float = np.inf,
    ) -> None:
        self.keras, self.spec, self.real = keras, spec, real
        self.labels, self.validation = labels, validation
        self.changing, self.progress = changing, progress
        self.history: dict[str, list[float]] = {key: [] for key in KEYS}
        self.best_epoch, self.best_accuracy, self.stopped = 0, 0.0, ""
        self.interrupted = False
        self.trained: Any = None  # the Keras network, before it is fused
        self.seconds = 0.0  # of fitting
        self.epochs = 0  # fitted here
        self._checkpoint, self._state = checkpoint, state
        self._deadline = time.monotonic() + seconds

    # ---- networks ----

    def built(self, build: Callable) -> Any:
        """A network of an architecture, trained from nothing."""
        model = self.trained = build_network(build, self.spec, self.keras)
        self._fit(model, 0, "training", self.spec.train.epochs, self.spec.train.learning_rate)
        return model

    def transferred(self) -> Any:
        """The base's body under a new head: the head is trained alone, then all of it."""
        keras, spec = self.keras, self.spec
        body = transfer.body_of(keras, transfer.read_base(keras, spec))
        model = self.trained = transfer.new_head(keras, body, spec)
        if self._state is None or self._state.stage == 0:
            transfer.freeze(keras, body, True)
            epochs, rate = spec.train.head_epochs, spec.train.learning_rate
            self._fit(model, 0, "training the head", epochs, rate)
        if not self.interrupted:
            transfer.freeze(keras, body, False)
            rate = spec.train.learning_rate * spec.train.body_rate
            self._fit(model, 1, "fine-tuning", spec.train.epochs, rate)
        return model

    # ---- fitting ----

    def _fit(self, model: Any, stage: int, name: str, epochs: int, rate: float) -> None:
        """Train; the epoch with the best validation loss is kept. Ctrl-C ends it there."""
        keras, train = self.keras, self.spec.train
        loss, as_labels = loss_of(keras, model, train)

        def progress(epoch: int, logs: dict) -> None:
            note = f"accuracy {logs['accuracy']:.3f}, validation {logs['val_accuracy']:.3f}"
            self.progress(name, epoch / epochs, note)

        watch = Watch(train, progress, deadline=self._deadline)
        steps = -(-len(self.labels) // train.batch)
        schedule = learning_rate(keras, train, rate, epochs, steps)
        model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"])
        first, self._state = self._restored(model, stage, watch), None
        if self.changing is None:
            data = {
                "x": self.real["train"],
                "y": as_labels(self.labels),
                "batch_size": train.batch,
            }
        else:
            data = {"x": batches(keras, self.changing, self.spec, as_labels, first, epochs)}

        def keep(epoch: int) -> None:
            self._checkpoint.save(
                State(
                    stage,
                    epoch,
                    watch.best_epoch,
                    watch.best_accuracy,
                    watch.loss,
                    watch.above,
                    watch.stopped,
                    {key: self.history[key] + watch.history[key] for key in KEYS},
                    model.get_weights(),
                    watch.weights or [],
                    [variable.numpy() for variable in model.optimizer.variables],
                )
            )

        started = time.monotonic()
        try:
            if first < epochs and not watch.stopped:
                model.fit(
                    **data,
                    initial_epoch=first,
                    epochs=epochs,
                    validation_data=(self.real["validate"], as_labels(self.validation)),
                    class_weight=class_weights(self.labels, len(self.spec.model.classes), train),
                    verbose=0,
                    callbacks=[watch.callback(keras, keep)],
                )
        except KeyboardInterrupt:
            if watch.weights is None:  # not one epoch: nothing to keep
                raise
            self.interrupted = True
            watch.stopped = f"interrupted after epoch {first + len(watch.history['loss'])}"
        self.seconds += time.monotonic() - started
        self.epochs += len(watch.history["loss"])
        if watch.weights is not None:
            model.set_weights(watch.weights)
        for key in KEYS:
            self.history[key] += watch.history[key]
        self.best_epoch, self.stopped = watch.best_epoch, watch.stopped
        self.best_accuracy = watch.best_accuracy
        if watch.stopped:
            self.progress(name, 1.0, watch.stopped)

    def _restored(self, model: Any, stage: int, watch: Watch) -> int:
        """Put the earlier training's state in place; how many epochs it had done."""
        state = self._state
        if state is None or state.stage != stage:
            return 0
        model.optimizer.build(model.trainable_variables)
        model.set_weights(state.weights)
        for variable, value in zip(model.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)
        watch.best_epoch, watch.best_accuracy = state.best_epoch, state.best_accuracy
        watch.loss = state.loss
        watch.above, watch.weights = state.above, state.best
        self.history = {key: list(state.history[key]) for key in KEYS}
        return state.epoch

    def data_wait(self) -> float:
        """Share of the time of fitting, after the first epoch, spent waiting for data."""
        assert isinstance(self.changing, Variants)
        return round(sum(self.changing.waited[1:]) / max(self.seconds, 1e-9), 4)

    # ---- int8 ----

    def quantised(self, model: Any, typical: np.ndarray) -> bytes:
        """The .tflite, without metadata. typical: features of some windows of every class."""
        spec = self.spec
        self.progress("quantising", 0.1)
        if spec.quantize.mode == "ptq":
            tflite = to_int8(model, typical)
        else:
            tflite = self._aware(model, typical)
        self.progress("quantising", 1.0)
        return tflite

    def _aware(self, model: Any, typical: np.ndarray) -> bytes:
        loss, as_labels = loss_of(self.keras, model, self.spec.train)
        aware = qat.quantization_aware(model, typical)
        if self.changing is None:
            values, labels = self.real["train"], self.labels
        else:
            made = self.changing.epoch(0)
            values = (made.values * np.float32(step(vars(self.spec.features))))[..., None]
            labels = made.labels
        qat.fine_tune(
            aware,
            values,
            as_labels(labels),
            epochs=self.spec.quantize.epochs,
            batch=self.spec.train.batch,
            learning_rate=self.spec.quantize.learning_rate,
            loss=loss,
            validation=(self.real["validate"], as_labels(self.validation)),
            class_weight=class_weights(labels, len(self.spec.model.classes), self.spec.train),
        )
        return qat.to_int8(aware)


def build_network(build: Callable, spec: Spec, keras: Any) -> Any:
    """The network; what a network of the user's own does wrong is said in one line."""
    frames, bands, classes = spec.features.frames, spec.features.bands, len(spec.model.classes)
    where = f"architecture {spec.model.architecture!r}"
    try:
        model = build(frames, bands, classes, spec.train.dropout)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{where}: no network for {frames} x {bands} values: {line}") from error
    if not isinstance(model, keras.Model):
        raise UserError(f"{where}: gave {type(model).__name__}, not a tf_keras Model")
    if model.output_shape != (model.output_shape[0], classes):
        raise UserError(f"{where}: gives {model.output_shape[1:]}, not {classes} scores")
    return model
