"""Checks before any time is spent: the network builds, converts, compiles and fits the board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from otolith.compile import Schedule, schedule_model
from otolith.compile.metadata import write_metadata
from otolith.device.boards import named
from otolith.errors import UserError
from otolith.settings.spec import Spec
from otolith.summarize.fit import fit, network_need
from otolith.train.architectures import Architecture, find, fused
from otolith.train.convert import to_int8
from otolith.train.fit import build_network
from otolith.train.session import new_session
from otolith.train.transfer import body_of, head_of, new_head, read_base


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
    model = _network(new_session(spec.train.seed), spec, architecture, code)
    rng = np.random.default_rng(1)
    shape = (8, spec.features.frames, spec.features.bands, 1)
    return write_metadata(to_int8(model, rng.random(shape).astype(np.float32)), spec.metadata())


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
    found = fit(chosen, schedule.network.digest, network_need(schedule))
    if not found.fits:
        raise UserError(
            f"{spec.model.name} on {board}: {found.words()}: fewer [features] frames, or a smaller "
            "[model] architecture"
        )
    return schedule
