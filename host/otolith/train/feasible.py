"""Checks before any time is spent: the network builds, converts, compiles and fits the board."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from otolith.compile import Schedule, schedule_model
from otolith.compile.metadata import write_metadata
from otolith.device.boards import Board, load_boards, named
from otolith.errors import UserError
from otolith.settings.spec import Spec
from otolith.summarize.fit import fit, largest_part, network_need
from otolith.train.architectures import Architecture, find, fused
from otolith.train.architectures.registry import ARCHITECTURES
from otolith.train.convert import to_int8
from otolith.train.fit import build_network
from otolith.train.session import new_session
from otolith.train.transfer import body_of, head_of, new_head, read_base

LEAST_SCORE = 1e-4  # of the largest score before SOFTMAX
ROUNDS = 4  # of scaling, as layers with a bias or a bend do not answer in proportion


def untrained(
    spec: Spec, architecture: Architecture | None = None, code: Path | None = None
) -> bytes:
    """Makes the int8 .tflite of a spec's network before training.

    Its sizes, shapes and cycles are those of the trained one.

    Args:
        spec: The model's settings.
        architecture: Makes the network, instead of the one the spec names.
        code: Folder that an architecture of the user's own may be loaded from; None refuses it.

    Raises:
        UserError: There is no such network.
    """
    keras = new_session(spec.train.seed)
    model = _network(keras, spec, architecture, code)
    rng = np.random.default_rng(1)
    shape = (8, spec.features.frames, spec.features.bands, 1)
    windows = rng.random(shape).astype(np.float32)
    _spread_scores(keras, model, windows)
    return write_metadata(to_int8(model, windows), spec.metadata())


def _spread_scores(keras: Any, model: Any, windows: np.ndarray) -> None:
    """Scales all weights up if a deep network's scores are all near 0.

    Their int8 scale would be too small for SOFTMAX. Training spreads them; sizes do not change.
    """
    layers = [layer for layer in model.layers if getattr(layer, "kernel", None) is not None]
    if not layers or len(layers[-1].inbound_nodes) != 1:
        return
    last = layers[-1]
    before = keras.Model(model.inputs, last.input)
    activation, last.activation = last.activation, keras.activations.linear
    for _ in range(ROUNDS):
        scores = last(before(windows[: model.inputs[0].shape[0]]))
        largest = float(np.abs(np.asarray(scores)).max())
        if not 0 < largest < LEAST_SCORE:
            break
        for layer in layers:
            layer.kernel.assign(layer.kernel * largest ** (-1 / len(layers)))
    last.activation = activation


def _network(keras: Any, spec: Spec, architecture: Architecture | None, code: Path | None) -> Any:
    if spec.train.has_base:
        base, _ = read_base(keras, spec, code)
        return new_head(keras, body_of(keras, base), head_of(spec))
    build = architecture or find(spec.model.architecture, code)
    return fused(build_network(build, spec, keras), build)


def check(
    spec: Spec, board: str, architecture: Architecture | None = None, code: Path | None = None
) -> Schedule:
    """Schedules the untrained network: its sizes are known then.

    Args:
        spec: The model's settings.
        board: Id of the board it must fit.
        architecture: Makes the network, instead of the one the spec names.
        code: Folder that an architecture of the user's own may be loaded from; None refuses it.

    Raises:
        UserError: It does not fit the board; the message says by how much.
    """
    chosen = named(board)
    schedule = schedule_model(untrained(spec, architecture, code), spec.model.name)
    need = network_need(schedule)
    found = fit(chosen, schedule.network.digest, need)
    if not found.fits:
        roomy = [b.id for b in load_boards() if fit(b, schedule.network.digest, need).fits]
        where = f"it fits {', '.join(roomy)}" if roomy else "it fits none of the boards"
        smaller = [name for name in siblings(spec) if _fits(spec, name, chosen)]
        names = f", such as {' or '.join(smaller)}" if smaller else ""
        raise UserError(
            f"{spec.model.name} on {board}: {found.words()}; "
            f"{largest_part(schedule, chosen, found.need)}: fewer [features] frames, or a smaller "
            f"[model] architecture{names}; {where}"
        )
    return schedule


def siblings(spec: Spec) -> list[str]:
    """The other architectures of a spec's family: tenet12 and tenet6 of tenet20."""
    family = re.match(r"[a-z_]*?(?=_?[sml]$|\d|$)", spec.model.architecture)
    if family is None:  # code of the user's own
        return []
    same = re.compile(re.escape(family.group()) + r"(_?[sml]|\d.*)$")
    known = [name for name in ARCHITECTURES if name != spec.model.architecture]
    return [name for name in known if same.match(name)]


def _fits(spec: Spec, name: str, board: Board) -> bool:
    """Whether a spec's network fits a board with another architecture."""
    other = replace(spec, model=replace(spec.model, architecture=name))
    try:
        schedule = schedule_model(untrained(other), name)
    except UserError:  # made for other windows
        return False
    return fit(board, schedule.network.digest, network_need(schedule)).fits
