"""Stage 2 of training from few takes: balanced batches, then rounds of hard-negative mining."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from otolith.errors import UserError
from otolith.features.network_input import real_input
from otolith.progress import Step, tell
from otolith.settings.spec import Spec
from otolith.train import transfer
from otolith.train.architectures import Architecture
from otolith.train.examples import Examples
from otolith.train.learning import KEYS, loss_of
from otolith.train.mining import Trained, likeness, scored
from otolith.train.mixes import Masks, recipe
from otolith.train.negatives import Hard
from otolith.train.progress import Report
from otolith.train.takes import Takes, targets_of
from otolith.train.weights import Blueprint

POSITIVES, BATCH = 24, 128  # windows of each class that makes an event, and of all
MOST_POSITIVES = 64
HARD_SHARE = 0.4  # of the negatives, once there are any from mining
HARD_SCORE = 0.12  # a logit of -2
MINED_UPDATES, MINED_RATE = 0.5, 0.7  # of take_updates and learning_rate in each round
SCRATCH = 3  # times take_updates without a base
AGAIN = 4  # part of take_updates with --resume
EVERY = 50  # batches between lines of the history
ENOUGH_NEW = 10  # hard windows; fewer are nothing new
HEARD, CONFUSED = 0.9, 0.25  # negatives are counted from this share of takes or this score on
MOST_HOURLY = 60.0  # such windows an hour, after mining


def updates_of(spec: Spec) -> int:
    """Batches before mining."""
    return spec.train.take_updates * (1 if spec.train.has_base else SCRATCH)


class TakesCourse:
    """Trains one network from few takes.

    Args:
        keras: The tf_keras module, of a new session.
        spec: A resolved spec.
        takes: Positives and negatives.
        validate: Judges the progress; nothing is chosen by it.
        progress: Called as the work proceeds.
        seconds: No batch begins after so long.
        scheduler: Address of a Dask scheduler that mines; None for this process.
    """

    def __init__(
        self,
        keras: Any,
        spec: Spec,
        takes: Takes,
        validate: Examples,
        progress: Report,
        seconds: float = np.inf,
        scheduler: str | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.rebuilt: tuple[Blueprint, Path | None] | None = None  # how a worker builds it
        self.keras, self.spec, self.takes, self.validate = keras, spec, takes, validate
        self.progress, self.deadline = progress, time.monotonic() + seconds
        self.targets = targets_of(spec)
        self.masks = Masks(recipe(spec.augment.sections), spec.model.classes)
        self.history: dict[str, list[float]] = {key: [] for key in KEYS}
        self.rng = np.random.default_rng((spec.train.seed, 0xF17))
        shape = (0, *spec.features.shape)
        self.hard = Hard(np.empty(shape, np.int16), np.empty(0, int))
        self.interrupted = False
        self.stopped = ""
        self.seconds = 0.0
        self.notes: list[str] = []

    def network(self, architecture: Architecture | None, code: Path | None) -> tuple[Any, Any]:
        """The untrained network, and how to build it: from the base's body or the architecture."""
        keras, spec = self.keras, self.spec
        if spec.train.has_base:
            base, blueprint = transfer.read_base(keras, spec, code)
            body = transfer.body_of(keras, base)
            model = transfer.new_head(keras, body, transfer.head_of(spec))
            transfer.freeze(keras, body, False)
            blueprint = transfer.blueprint_of(spec, blueprint)
            self.rebuilt = blueprint, code
            return model, blueprint
        blueprint = transfer.blueprint_of(spec)
        if architecture is None:
            self.rebuilt = blueprint, code
            return transfer.build(keras, blueprint, code), blueprint
        frames, bands = spec.features.shape
        return architecture(frames, bands, len(spec.model.classes), spec.train.dropout), blueprint

    def run(self, model: Any, again: bool = False) -> None:
        """Learns, and mines until nothing new is found.

        Args:
            model: The network.
            again: It has learned before: a quarter of the batches are enough.
        """
        train = self.spec.train
        updates = max(1, updates_of(self.spec) // (AGAIN if again else 1))
        started = time.monotonic()
        try:
            self._learn(model, "training", updates, train.learning_rate)
            for number in range(train.mine):
                if self.stopped:
                    break
                new = self._mine(model, number + 1)
                if new < ENOUGH_NEW:
                    break
                after = max(1, round(updates * MINED_UPDATES))
                self._learn(model, f"mined {number + 1}", after, train.learning_rate * MINED_RATE)
        except KeyboardInterrupt:
            if not self.history["loss"]:  # nothing learned yet
                raise
            self.interrupted = True
            self.stopped = f"interrupted after {len(self.history['loss']) * EVERY} batches"
        self.seconds = time.monotonic() - started
        if not self.interrupted and np.isinf(self.deadline):
            self._note_confused(model)

    def _learn(self, model: Any, name: str, updates: int, rate: float) -> None:
        keras = self.keras
        loss, as_labels = loss_of(keras, model, self.spec.train)
        schedule = keras.optimizers.schedules.CosineDecay(rate, updates)
        model.compile(keras.optimizers.Adam(schedule), loss, metrics=["accuracy"])
        settings, validate = self.spec.features, self.validate
        shown = real_input(validate.values, settings), as_labels(validate.labels)
        total: list[tuple[float, float]] = []
        for step in range(updates):
            values, labels = self._batch()
            got = model.train_on_batch(real_input(values, settings), as_labels(labels))
            total.append((float(got[0]), float(got[1])))
            late = time.monotonic() > self.deadline
            if late:
                self.stopped = f"batch {step + 1}: time is up"
            if (step + 1) % EVERY and step + 1 < updates and not late:
                continue
            mean = np.mean(total, axis=0)
            total = []
            if not np.isfinite(mean[0]):
                raise UserError("training diverged: lower [train] learning_rate")
            checked = model.evaluate(*shown, verbose=0, batch_size=256)
            for key, value in zip(KEYS, (*mean, *checked), strict=True):
                self.history[key].append(round(float(value), 5))
            note = f"accuracy {mean[1]:.3f}, validation {checked[1]:.3f}"
            self.progress(name, (step + 1) / updates, note)
            newest = {key: values[-1] for key, values in self.history.items()}
            tell(Step(name, (step + 1) / updates, note, newest))
            if late:
                return

    def _batch(self) -> tuple[np.ndarray, np.ndarray]:
        """A batch with its fixed share of each class, however few takes it has."""
        rng, takes = self.rng, self.takes
        each = min(POSITIVES, MOST_POSITIVES // len(self.targets))
        values: list[np.ndarray] = []
        labels: list[np.ndarray] = []
        for label in self.targets:
            rows = takes.positives[label]
            values.append(rows[rng.integers(len(rows), size=each)])
            labels.append(np.full(each, label))
        left = BATCH - each * len(self.targets)
        hard = round(left * HARD_SHARE) if len(self.hard.labels) else 0
        if hard:
            rows = rng.integers(len(self.hard.labels), size=hard)
            values.append(self.hard.values[rows])
            labels.append(self.hard.labels[rows])
        others = takes.negatives.classes()
        counts = np.bincount(np.arange(left - hard) % len(others), minlength=len(others))
        for label, count in zip(others, counts, strict=True):
            if count:
                values.append(takes.negatives.draw(int(count), label, rng))
                labels.append(np.full(int(count), label))
        return self.masks.apply(np.concatenate(values), rng), np.concatenate(labels)

    def _score(self, model: Any, values: np.ndarray) -> np.ndarray:
        """How much windows are like a class that makes an event, 0 to 1."""
        return likeness(model, values, self.spec.features, tuple(self.targets))

    def _scored(self, model: Any, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores and places of all negatives at a stride, in frames."""
        negatives = self.takes.negatives
        if self.scheduler is None or self.rebuilt is None:
            return negatives.scored(lambda values: self._score(model, values), stride)
        trained = Trained.of(model, *self.rebuilt)
        return scored(negatives, trained, tuple(self.targets), stride, self.scheduler)

    def _mine(self, model: Any, number: int) -> int:
        """Keeps the negatives that sound like a class; returns how many of them are new."""
        self.progress(f"mining {number}", 0.1)
        stride = self.spec.deploy.hop_frames
        scores, places = self._scored(model, stride)
        new = self.hard.add(self.takes.negatives, scores, places, HARD_SCORE)
        self.progress(f"mining {number}", 1.0, f"{new} new of {len(scores)} windows")
        return new

    def _note_confused(self, model: Any) -> None:
        """Notes where negatives still sound like a class, as when they hold that very sound."""
        train, names = self.spec.features, self.spec.model.classes
        negatives = self.takes.negatives
        plain = np.concatenate([self.takes.plain[label] for label in self.targets])
        threshold = float(np.quantile(self._score(model, plain), 1 - HEARD))
        stride = max(self.spec.deploy.hop_frames, train.frames // 4)
        scores, places = self._scored(model, stride)
        above = np.flatnonzero(scores >= min(threshold, CONFUSED))
        hours = negatives.seconds / 3600
        if len(above) / max(hours, 1e-9) > MOST_HOURLY:
            worst = above[int(np.argmax(scores[above]))]
            stream, start = places[worst]
            told = " or ".join(names[label] for label in self.targets)
            self.notes.append(
                f"{len(above)} windows in {hours:.1f} hours of negatives still sound like {told}, "
                f"the most at {start * train.hop / train.sample_rate:.0f} s of a stream from "
                f"{negatives.sources[stream]}: listen whether it is said there, and whether all "
                "takes are the same sound"
            )
