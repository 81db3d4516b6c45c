"""Takes over a trained network's body and puts a new head on it."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

from otolith.errors import UserError
from otolith.files import replacing
from otolith.paths import MODELS
from otolith.settings.features import FrontEnd
from otolith.settings.front_ends.logmel import Logmel
from otolith.settings.spec import Spec, load
from otolith.train.architectures import find
from otolith.train.session import new_session
from otolith.train.weights import (
    Blueprint,
    Head,
    put_weights,
    read_weights,
    same_shapes,
    weights_file,
    write_weights,
)

SPEC = "spec.toml"
MIDDLE = "m"  # the size of a ready base whose name stands without one


def read_base(keras: Any, spec: Spec, code: Path | None = None) -> tuple[Any, Blueprint]:
    """Rebuilds the trained network that [train] base names.

    The network is built from its architecture; only arrays come from the base's file. Windows may
    have another length than the base's, if the network's weights do not depend on it.

    Args:
        keras: The tf_keras module.
        spec: Of the training that starts from the base.
        code: None refuses an architecture of the user's own. Otherwise one that the base has is
            loaded from the base's folder.

    Returns:
        The network, and how to build it.

    Raises:
        UserError: The base is not trained, has other features, or its file is of no use.
    """
    folder = base_folder(spec.train.base)
    base = load(folder)
    if not fits(base, spec):
        raise UserError(
            f"[train] base = {folder}: its [features] differ: copy its section into this spec"
        )
    file = weights_file(folder, base.model.name)
    if not file.exists():
        old = folder / f"{base.model.name}.keras"
        if old.exists():
            raise UserError(
                f"{old}: a .keras file can hold code, so it is not loaded: convert it once with "
                f"`host train {folder} --convert-base`"
            )
        raise UserError(f"{file}: the base is not trained: host train {folder}")
    blueprint, arrays = read_weights(file)
    if (blueprint.frames, blueprint.bands) != (base.features.frames, base.features.bands):
        raise UserError(f"{file}: is of another spec than the one beside it: train it again")
    blueprint = dataclasses.replace(blueprint, frames=spec.features.frames)
    try:
        network = build(keras, blueprint, None if code is None else folder)
    except UserError as error:
        raise UserError(f"{file}: {error.message}") from error
    if base.features.frames != spec.features.frames and not same_shapes(network, arrays):
        raise UserError(
            f"[train] base = {folder}: its network has weights for each of "
            f"{base.features.frames} frames: set [features] frames to that"
        )
    put_weights(network, arrays, file)
    return network, blueprint


def fits(base: Spec, spec: Spec) -> bool:
    """Whether a base hears what a spec's network hears; windows may differ in length."""
    own, others = heard_front_end(spec), heard_front_end(base)
    return dataclasses.replace(others, frames=own.frames) == own


def base_folder(base: str) -> Path:
    """The folder of a base.

    Args:
        base: [train] base: a folder with a spec.toml, relative to where you are, or the name of a
            ready base: base_word, or with a size base_word/s, base_word/m, base_word/l.

    Returns:
        The folder. It need not exist.
    """
    folder, ready = Path(base), MODELS / base
    if not folder.exists() and ready.is_dir() and ready.is_relative_to(MODELS):
        folder = ready
    middle = folder / MIDDLE
    return middle if not (folder / SPEC).exists() and (middle / SPEC).exists() else folder


def heard_front_end(spec: Spec) -> FrontEnd:
    """A spec's front end as the chip runs it: how training windows settle is no part of it."""
    features = spec.features
    return dataclasses.replace(features, settle=0) if isinstance(features, Logmel) else features


def blueprint_of(spec: Spec, base: Blueprint | None = None) -> Blueprint:
    """How to build a spec's network: from its architecture, or from its base's with a new head."""
    if base is None:
        features, model = spec.features, spec.model
        shape = (features.frames, features.bands, len(model.classes))
        return Blueprint(model.architecture, *shape, spec.train.dropout)
    return Blueprint(
        base.architecture,
        base.frames,
        base.bands,
        base.classes,
        base.dropout,
        (*base.heads, head_of(spec)),
    )


def head_of(spec: Spec) -> Head:
    """The head that a spec puts on its base."""
    train = spec.train
    return Head(
        len(spec.model.classes),
        tuple(train.head_layers),
        train.head_norm,
        train.dropout,
        train.output,
    )


def build(keras: Any, blueprint: Blueprint, code: Path | None = None) -> Any:
    """Builds an untrained network.

    Raises:
        UserError: The architecture is unknown, is code that is not allowed, or fails.
    """
    make = find(blueprint.architecture, code)
    where = f"architecture {blueprint.architecture!r}"
    frames, bands, classes = blueprint.frames, blueprint.bands, blueprint.classes
    try:
        model = make(frames, bands, classes, blueprint.dropout)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{where}: no network for {frames} x {bands} values: {line}") from error
    for head in blueprint.heads:
        model = new_head(keras, body_of(keras, model), head)
    return model


def convert_old(folder: Path, code: Path | None = None) -> Path:
    """Converts a base that was trained before weights had a file of their own.

    Builds the network from the spec's architecture and reads nothing but arrays from <name>.keras.

    Args:
        folder: The base's, with its spec.toml.
        code: Folder that an architecture of the user's own may be loaded from; None refuses it.

    Returns:
        The file of weights.

    Raises:
        UserError: There is no .keras file, or it holds other weights.
    """
    spec = load(folder)
    old = folder / f"{spec.model.name}.keras"
    if not old.exists():
        raise UserError(f"{old}: no such file: nothing to convert")
    if spec.train.has_base:
        raise UserError(f"{old}: was trained on a base itself: train it again: host train {folder}")
    blueprint = blueprint_of(spec)
    keras = new_session(spec.train.seed)
    network = build(keras, blueprint, code)
    try:
        network.load_weights(str(old))  # from a .keras file Keras takes model.weights.h5 alone
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{old}: holds no weights of its spec's network: {line}") from error
    file = weights_file(folder, spec.model.name)
    with replacing(file) as temporary:
        write_weights(temporary, network, blueprint)
    return file


def body_of(keras: Any, model: Any) -> Any:
    """Cuts off a network's head: its last dense layer, with activation and the dropout before it.

    Raises:
        UserError: It does not end in a dense layer.
    """
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


def new_head(keras: Any, body: Any, head: Head) -> Any:
    """Puts a head on a body: dense layers, dropout, and softmax or one sigmoid."""
    layers = keras.layers
    taken = {layer.name for layer in body.layers}

    def name(part: str) -> str:
        """A free name: the body may have a part of an earlier head."""
        numbers = itertools.count()
        return next(n for n in (f"head{i}_{part}" for i in numbers) if n not in taken)

    x = body.output
    for number, units in enumerate(head.layers):
        x = layers.Dense(units, use_bias=not head.norm, name=name(f"dense_{number}"))(x)
        if head.norm:
            x = layers.BatchNormalization(name=name(f"norm_{number}"))(x)
        x = layers.ReLU(name=name(f"relu_{number}"))(x)
    if head.dropout:
        x = layers.Dropout(head.dropout, name=name("dropout"))(x)
    if head.output == "sigmoid":
        x = layers.Dense(1, activation="sigmoid", name=name("out"))(x)
    else:
        x = layers.Dense(head.classes, activation="softmax", name=name("out"))(x)
    return keras.Model(body.input, x)


def freeze(keras: Any, body: Any, frozen: bool) -> None:
    """Freezes a body, or lets it learn.

    Its batch norms keep their statistics in either case, because the new sounds are few.
    """
    for layer in body.layers:
        layer.trainable = not frozen and not isinstance(layer, keras.layers.BatchNormalization)
