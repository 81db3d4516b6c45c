"""Scores windows of negatives with a network in training: here, or on a cluster."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from otolith.evaluate.network import all_classes
from otolith.farm import map_tasks
from otolith.features.network_input import real_input
from otolith.settings.features import FrontEnd
from otolith.train import transfer
from otolith.train.libraries import load, save
from otolith.train.negatives import Negatives
from otolith.train.session import new_session
from otolith.train.weights import Blueprint, put_weights


@dataclass(frozen=True)
class Trained:
    """A network as another process can build it.

    blueprint: JSON of a Blueprint. weights: Of safetensors. code: As in otolith.train.fit.
    """

    blueprint: str
    weights: bytes = field(repr=False)
    code: Path | None = None

    @classmethod
    def of(cls, model: Any, blueprint: Blueprint, code: Path | None) -> Trained:
        """Describes a tf_keras model that the blueprint builds."""
        arrays = {f"{n:04}": np.ascontiguousarray(a) for n, a in enumerate(model.get_weights())}
        return cls(blueprint.to_json(), save(arrays), code)


@functools.lru_cache(maxsize=1)
def _network(trained: Trained) -> Any:
    """The network of a task. A process keeps it from task to task."""
    keras = new_session(0)
    model = transfer.build(keras, Blueprint.from_json(trained.blueprint), trained.code)
    arrays = load(trained.weights)
    put_weights(model, [arrays[name] for name in sorted(arrays)], Path("the network in training"))
    return model


def likeness(
    model: Any, values: np.ndarray, front_end: FrontEnd, targets: tuple[int, ...]
) -> np.ndarray:
    """How much windows are like a class that makes an event.

    Args:
        model: A tf_keras model.
        values: int16 (count, frames, bands).
        front_end: What computed them.
        targets: Numbers of the classes that make an event.

    Returns:
        (count,) 0 to 1.
    """
    scores = all_classes(model.predict_on_batch(real_input(values, front_end)))
    best: np.ndarray = scores[:, list(targets)].max(1)
    return best


@dataclass(frozen=True)
class _Task:
    """Windows to score. values: int16 (frames, bands) of a stream. starts: First frame of each."""

    trained: Trained
    front_end: FrontEnd
    targets: tuple[int, ...]
    values: np.ndarray = field(repr=False)
    starts: np.ndarray = field(repr=False)


def _score(task: _Task) -> np.ndarray:
    size = task.front_end.frames
    views = np.lib.stride_tricks.sliding_window_view(task.values, size, axis=0)
    windows = views[task.starts].transpose(0, 2, 1)
    return likeness(_network(task.trained), windows, task.front_end, task.targets)


def scored(
    negatives: Negatives,
    trained: Trained,
    targets: tuple[int, ...],
    stride: int,
    scheduler: str,
) -> tuple[np.ndarray, np.ndarray]:
    """As Negatives.scored(), on a cluster.

    Args:
        negatives: The streams.
        trained: The network.
        targets: Numbers of the classes that make an event.
        stride: Frames between windows.
        scheduler: Address of a Dask scheduler.

    Returns:
        (count,) scores, and (count, 2) stream and first frame of each window.

    Raises:
        UserError: The scheduler can't be used.
    """
    tasks, places = [], []
    size = negatives.front_end.frames
    for number, starts in negatives.pieces(stride):
        values = negatives.frames[number][starts[0] : starts[-1] + size]
        begun = starts - starts[0]
        tasks.append(_Task(trained, negatives.front_end, targets, values, begun))
        places.append(np.stack([np.full(len(starts), number), starts], 1))
    if not tasks:
        return np.empty(0), np.empty((0, 2), int)
    scores = list(map_tasks(_score, tasks, scheduler=scheduler))
    return np.concatenate(scores), np.concatenate(places)
