"""Stage 2 of training: a network learns."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from otolith.errors import UserError
from otolith.features.network_input import real_input
from otolith.progress import Step, tell
from otolith.settings.spec import Spec
from otolith.train import transfer
from otolith.train.architectures import Architecture, find, fused
from otolith.train.batches import batches
from otolith.train.checkpoint import Checkpoint, State
from otolith.train.examples import Variants
from otolith.train.fit_takes import TakesCourse
from otolith.train.learning import (
    KEYS,
    Length,
    Watch,
    class_weights,
    learning_rate,
    length,
    loss_of,
)
from otolith.train.prepare import Prepared
from otolith.train.progress import Report, silent
from otolith.train.session import new_session
from otolith.train.weights import Blueprint, put_weights, read_weights, weights_file


@dataclass(frozen=True)
class Fitted:
    """A network that has learned, with the weights of its best epoch.

    network: As it is converted, with parallel layers fused. trained: As it was trained; what other
    trainings take over. blueprint: How to build `trained` anew. history: Loss and accuracy by
    epoch. best_epoch: Counts from 1. best_accuracy: Validation accuracy of that epoch, 0 to 1.
    stopped: Why training ended before its last epoch, else empty. interrupted: Ctrl-C ended it.
    seconds: Time spent fitting. epochs:
    Fitted now, without those before --resume. data_wait: Share of the time, after the first epoch,
    spent waiting for augmented data; None without augmentation.
    """

    network: Any = field(repr=False)
    trained: Any = field(repr=False)
    blueprint: Blueprint = field(repr=False)
    history: dict[str, list[float]] = field(repr=False)
    best_epoch: int
    best_accuracy: float
    stopped: str
    interrupted: bool
    seconds: float
    epochs: int
    data_wait: float | None


MOST_LOST = 0.02  # of validation accuracy, that going on with new clips may cost
MORE = 4  # a training that goes on from earlier weights has a quarter of the epochs


@dataclass(frozen=True)
class Start:
    """The weights that an earlier training ended with. file: where they are from."""

    arrays: list[np.ndarray] = field(repr=False)
    file: Path


def last_weights(spec: Spec, out: Path) -> Start | None:
    """Reads the weights of a finished training in a folder; None if there are none.

    Raises:
        UserError: They are of a network that the spec no longer describes, or damaged.
    """
    file = weights_file(out, spec.model.name)
    if not file.exists():
        return None
    blueprint, arrays = read_weights(file)
    now = transfer.blueprint_of(spec)
    same = (blueprint.frames, blueprint.bands) == (now.frames, now.bands)
    if spec.train.base:
        same = same and blueprint.heads[-1:] == (transfer.head_of(spec),)
    else:
        same = blueprint == now
    if not same:
        raise UserError(f"{file}: the spec has changed since: start again without --resume")
    return Start(arrays, file)


def fit(
    prepared: Prepared,
    progress: Report = silent,
    architecture: Architecture | None = None,
    checkpoint: Checkpoint | None = None,
    state: State | None = None,
    seconds: float = np.inf,
    code: Path | None = None,
    start: Start | None = None,
    scheduler: str | None = None,
) -> Fitted:
    """Trains the network of a spec, or the new head of its base and then all of it.

    Starts a new TensorFlow session: networks of earlier calls are of no use after it. Ctrl-C after
    the first epoch ends training and keeps the best epoch.

    Args:
        prepared: The data.
        progress: Called as the work proceeds.
        architecture: Makes the network, instead of the one the spec names.
        checkpoint: Where to save after each epoch; None to save nothing.
        state: Where an earlier training stopped; None to start from the beginning.
        seconds: No epoch begins after so long.
        code: Folder that an architecture of the user's own may be loaded from; None refuses it.
        start: Weights to go on from, more gently and for a quarter of the epochs; None begins anew.
        scheduler: Address of a Dask scheduler that mines negatives; None for this process.

    Raises:
        UserError: The network does not build, training diverges, or the scheduler can't be used.
        KeyboardInterrupt: Ctrl-C before the first epoch ended.
    """
    spec = prepared.spec
    keras = new_session(spec.train.seed)
    if prepared.takes is not None:
        few = TakesCourse(
            keras, spec, prepared.takes, prepared.validate, progress, seconds, scheduler
        )
        return _from_takes(few, prepared, architecture, code, start)
    course = _Course(keras, prepared, progress, checkpoint, state, seconds, start)
    if spec.train.has_base:
        network = trained = course.transferred(code)
    else:
        build = architecture or find(spec.model.architecture, code)
        trained = course.built(build)
        network = fused(trained, build)
        if architecture is not None:  # not the spec's: nothing can rebuild it by that name
            own = f"{build.__module__}:{getattr(build, '__name__', 'network')}"
            course.blueprint = dataclasses.replace(course.blueprint, architecture=own)
    return Fitted(
        network,
        trained,
        course.blueprint,
        course.history,
        course.best_epoch,
        course.best_accuracy,
        course.stopped,
        course.interrupted,
        course.seconds,
        course.epochs,
        course.data_wait(),
    )


def _from_takes(
    course: TakesCourse,
    prepared: Prepared,
    architecture: Architecture | None,
    code: Path | None,
    start: Start | None,
) -> Fitted:
    """Learns from few takes (see otolith.train.fit_takes)."""
    trained, blueprint = course.network(architecture, code)
    if start is not None:
        put_weights(trained, start.arrays, start.file)
    course.run(trained, again=start is not None)
    prepared.notes.extend(course.notes)
    accuracy = course.history["val_accuracy"]
    network = trained
    if not prepared.spec.train.has_base:
        network = fused(trained, architecture or find(prepared.spec.model.architecture, code))
    return Fitted(
        network,
        trained,
        blueprint,
        course.history,
        len(accuracy),
        accuracy[-1],
        course.stopped,
        course.interrupted,
        course.seconds,
        len(accuracy),
        None,
    )


class _Course:
    """One training: its stages, and what they add up to."""

    def __init__(
        self,
        keras: Any,
        prepared: Prepared,
        progress: Report,
        checkpoint: Checkpoint | None,
        state: State | None,
        seconds: float,
        start: Start | None,
    ) -> None:
        self.start = start
        self.more = start is not None or (state is not None and state.more)
        self.keras, self.prepared, self.spec = keras, prepared, prepared.spec
        self.progress, self.checkpoint, self.state = progress, checkpoint, state
        self.deadline = time.monotonic() + seconds
        self.history: dict[str, list[float]] = {key: [] for key in KEYS}
        self.best_epoch, self.best_accuracy, self.stopped = 0, 0.0, ""
        self.interrupted = False
        self.whole = length(self.spec.train, len(prepared.train.labels))
        if self.more:
            epochs = max(1, self.whole.epochs // MORE)
            self.whole = dataclasses.replace(self.whole, epochs=epochs)
        self.blueprint = transfer.blueprint_of(prepared.spec)
        self.seconds = 0.0
        self.epochs = 0

    def built(self, build: Architecture) -> Any:
        """A network trained from nothing, or on from the weights it had."""
        model = build_network(build, self.spec, self.keras)
        train = self.spec.train
        if self.more:
            self._begin_with(model)
            rate = train.learning_rate * train.body_rate
            self._fit(model, 0, "training on", self.whole, rate)
        else:
            self._fit(model, 0, "training", self.whole, train.learning_rate)
        return model

    def _begin_with(self, model: Any) -> None:
        if self.start is not None:
            put_weights(model, self.start.arrays, self.start.file)

    def transferred(self, code: Path | None) -> Any:
        """The base's body under a new head: the head learns alone, then everything does."""
        keras, spec = self.keras, self.spec
        base, blueprint = transfer.read_base(keras, spec, code)
        self.blueprint = transfer.blueprint_of(spec, blueprint)
        body = transfer.body_of(keras, base)
        model = transfer.new_head(keras, body, transfer.head_of(spec))
        if self.more:
            self._begin_with(model)
        elif self.state is None or self.state.stage == 0:
            transfer.freeze(keras, body, True)
            head = Length(spec.train.head_epochs, spec.train.plateau)
            self._fit(model, 0, "training the head", head, spec.train.learning_rate)
        if not self.interrupted:
            transfer.freeze(keras, body, False)
            rate = spec.train.learning_rate * spec.train.body_rate
            self._fit(model, 1, "fine-tuning", self.whole, rate)
        return model

    def _fit(self, model: Any, stage: int, name: str, length: Length, rate: float) -> None:
        """Trains for some epochs and keeps the one with the lowest validation loss."""
        keras, prepared, epochs = self.keras, self.prepared, length.epochs
        train = dataclasses.replace(self.spec.train, plateau=length.plateau)
        loss, as_labels = loss_of(keras, model, train)
        labels, settings = prepared.train.labels, self.spec.features

        def progress(epoch: int, logs: dict[str, float]) -> None:
            note = f"accuracy {logs['accuracy']:.3f}, validation {logs['val_accuracy']:.3f}"
            self.progress(name, epoch / epochs, note)
            tell(Step(name, epoch / epochs, note, {key: logs[key] for key in KEYS if key in logs}))

        watch = Watch(train, progress, deadline=self.deadline)
        steps = -(-len(labels) // train.batch)
        schedule = learning_rate(keras, train, rate, epochs, steps)
        model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"])
        first, self.state = self._restored(model, stage, watch), None
        data: dict[str, Any]
        if prepared.changing is None:
            values = real_input(prepared.train.values, settings)
            data = {"x": values, "y": as_labels(labels), "batch_size": train.batch}
        else:
            data = {"x": batches(keras, prepared.changing, self.spec, as_labels, first, epochs)}
        validate = prepared.validate
        started = time.monotonic()
        try:
            if first < epochs and not watch.stopped:
                model.fit(
                    **data,
                    initial_epoch=first,
                    epochs=epochs,
                    validation_data=(
                        real_input(validate.values, settings),
                        as_labels(validate.labels),
                    ),
                    class_weight=class_weights(labels, len(self.spec.model.classes), train),
                    verbose=0,
                    callbacks=[watch.callback(keras, self._keeper(model, stage, watch))],
                )
        except KeyboardInterrupt:
            if watch.weights is None:  # not one epoch: nothing to keep
                raise
            self.interrupted = True
            watch.stopped = f"interrupted after epoch {first + len(watch.history['loss'])}"
        self.seconds += time.monotonic() - started
        self.epochs += len(watch.history["loss"])
        for key in KEYS:
            self.history[key] += watch.history[key]
        self.best_epoch, self.stopped = watch.best_epoch, watch.stopped
        self.best_accuracy = watch.best_accuracy
        if self.more and _still_good(watch):
            # validation knows nothing of the clips that were filed: the last epoch knows most
            self.best_epoch = first + len(watch.history["loss"])
            self.best_accuracy = watch.history["val_accuracy"][-1]
        elif watch.weights is not None:
            model.set_weights(watch.weights)
        if watch.stopped:
            self.progress(name, 1.0, watch.stopped)

    def _keeper(self, model: Any, stage: int, watch: Watch) -> Callable[[int], None]:
        """Saves the checkpoint when called with the number of epochs done."""

        def keep(epoch: int) -> None:
            if self.checkpoint is None:
                return
            self.checkpoint.save(
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
                    self.more,
                )
            )

        return keep

    def _restored(self, model: Any, stage: int, watch: Watch) -> int:
        """Puts the earlier training's state in place; returns how many epochs it had done."""
        state = self.state
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

    def data_wait(self) -> float | None:
        """Share of the time of fitting, after the first epoch, spent waiting for data."""
        if not isinstance(self.prepared.changing, Variants):
            return None
        return round(sum(self.prepared.changing.waited[1:]) / max(self.seconds, 1e-9), 4)


def _still_good(watch: Watch) -> bool:
    """Whether the last epoch's validation accuracy is about that of the best epoch."""
    accuracy = watch.history["val_accuracy"]
    return bool(accuracy) and accuracy[-1] >= watch.best_accuracy - MOST_LOST


def build_network(build: Architecture, spec: Spec, keras: Any) -> Any:
    """Builds an untrained network.

    Raises:
        UserError: The architecture fails, or gives anything but a network for the spec's classes.
    """
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
