"""A trained network's body under a new head."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from otolith.errors import UserError
from otolith.settings.spec import Spec, load


def weights_file(folder: Path, name: str) -> Path:
    """Where training leaves the Keras network, beside the .tflite."""
    return folder / f"{name}.keras"


def read_base(keras, spec: Spec) -> Any:
    """The network [train] base names; it must hear the same features."""
    folder = Path(spec.train.base)
    base = load(folder)
    if base.features != spec.features:
        raise UserError(
            f"[train] base = {folder}: its [features] are others: take over its section"
        )
    path = weights_file(folder, base.model.name)
    if not path.exists():
        raise UserError(f"{path}: the base is not trained: host train {folder}")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=False)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{path}: can't be used as a base: {line}: train it again") from error


def body_of(keras, model) -> Any:
    """All of a network before its last dense layer; that one's activation and dropout go too."""
    layers = list(model.layers)
    while layers and not isinstance(layers[-1], keras.layers.Dense):
        layers.pop()
    if not layers:
        raise UserError("[train] base: a network that does not end in a dense layer has no head")
    before = layers[-1].input
    while isinstance(layers[-2], keras.layers.Dropout) and len(layers) > 2:
        layers.pop()
        before = layers[-1].input
    return keras.Model(model.input, before, name="body")


def new_head(keras, body, spec: Spec) -> Any:
    """`body` with the spec's head: dense layers, dropout, softmax or one sigmoid."""
    train, layers = spec.train, keras.layers
    taken = {layer.name for layer in body.layers}

    def name(part: str) -> str:
        """The body may come from a training that gave it a head already."""
        numbers = itertools.count()
        return next(n for n in (f"head{i}_{part}" for i in numbers) if n not in taken)

    x = body.output
    for number, units in enumerate(train.head_layers):
        x = layers.Dense(units, use_bias=not train.head_norm, name=name(f"dense_{number}"))(x)
        if train.head_norm:
            x = layers.BatchNormalization(name=name(f"norm_{number}"))(x)
        x = layers.ReLU(name=name(f"relu_{number}"))(x)
    if train.dropout:
        x = layers.Dropout(train.dropout, name=name("dropout"))(x)
    if train.output == "sigmoid":
        x = layers.Dense(1, activation="sigmoid", name=name("out"))(x)
    else:
        x = layers.Dense(len(spec.model.classes), activation="softmax", name=name("out"))(x)
    return keras.Model(body.input, x)


def freeze(keras, body, frozen: bool) -> None:
    """Let the body learn or not. Its batch norms keep their statistics in either case: the new
    sounds are few."""
    for layer in body.layers:
        layer.trainable = not frozen and not isinstance(layer, keras.layers.BatchNormalization)
