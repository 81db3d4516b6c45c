"""What is known before any time is spent: the network builds, converts, compiles and fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from otolith.compile import Compiled, compile_graph
from otolith.compile.metadata import write_metadata
from otolith.device.boards import named
from otolith.errors import UserError
from otolith.settings.spec import Spec
from otolith.summarize.fit import fit, network_need
from otolith.train.architectures import find, fused
from otolith.train.convert import to_int8
from otolith.train.fit import build_network
from otolith.train.session import quiet_tensorflow
from otolith.train.transfer import body_of, new_head, read_base


def untrained(spec: Spec, architecture: Callable | None = None) -> bytes:
    """The int8 .tflite of a spec's network as it is before training: its sizes, shapes and cycles
    are those of the trained one. UserError if there is no such network."""
    with quiet_tensorflow(spec.train.seed) as keras:
        model = _network(keras, spec, architecture)
        rng = np.random.default_rng(1)
        shape = (8, spec.features.frames, spec.features.bands, 1)
        return write_metadata(to_int8(model, rng.random(shape).astype(np.float32)), spec.metadata())


def _network(keras: Any, spec: Spec, architecture: Callable | None) -> Any:
    if spec.train.base:
        return new_head(keras, body_of(keras, read_base(keras, spec)), spec)
    build = architecture or find(spec.model.architecture)
    return fused(build_network(build, spec, keras), build)


def check(spec: Spec, board: str, architecture: Callable | None = None) -> Compiled:
    """The untrained network, compiled. UserError, with by how much, if it does not fit `board`."""
    chosen = named(board)
    compiled = compile_graph(untrained(spec, architecture), spec.model.name)
    found = fit(chosen, compiled, network_need(compiled, spec.metadata()))
    if not found.fits:
        raise UserError(
            f"{spec.model.name} on {board}: {found.words()}: fewer [features] frames, or a smaller "
            "[model] architecture"
        )
    return compiled
