"""Compiles several networks into one image. They share the front end (lib/listen_several.h).

Each network's functions get a prefix, so that one image can hold them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from otolith.compile import schedule_model
from otolith.compile.cores import PORTABLE
from otolith.compile.emit import model_source
from otolith.compile.graph import Graph
from otolith.compile.pipeline import detect_source, past_source, pipeline_of
from otolith.compile.schedule import Schedule
from otolith.errors import UserError
from otolith.features import input_quantizer
from otolith.features.emit import config_source
from otolith.settings.features import FrontEnd
from otolith.settings.metadata import Metadata

MOST = 8  # networks in an image
# The functions of nn.h that a network defines.
FUNCTIONS = ("info", "init", "reset", "input", "set_input", "invoke", "slide", "output")
GATE_HOPS = 10  # a gate stays open after the last hop with speech, as in ESPHome


@dataclass(frozen=True)
class Several:
    """Networks in C that listen together.

    Attributes:
        schedules: Of each network.
        files: Text by file name: model_0.c and so on, and pipeline.c.
    """

    schedules: tuple[Schedule, ...]
    files: dict[str, str]

    @property
    def metadata(self) -> list[Metadata]:
        """The metadata of each network."""
        return [m for s in self.schedules if (m := s.network.metadata) is not None]


def compile_several(
    models: Sequence[tuple[bytes, str]],
    gate: str | None = None,
    core: str = PORTABLE,
    optimize: str = "speed",
    hop: int | None = None,
    room: int | None = None,
) -> Several:
    """Compiles networks that listen together.

    Args:
        models: Bytes of each .tflite, and its name if its metadata has none.
        gate: Name of the network that gates the others: while it decides nothing, their scores
            count as 0. None: no network does.
        core: As for compile_graph().
        optimize: As for compile_graph().
        hop: As for compile_graph(); 0 computes every window whole.
        room: Bytes that the constants of all may take; each gets its share by its file's size.

    Raises:
        UserError: A network can't be compiled, or they don't fit together.
    """
    whole = sum(len(data) for data, _ in models)
    schedules = [
        schedule_model(
            data, name, core, optimize, hop, None if room is None else room * len(data) // whole
        )
        for data, name in models
    ]
    names = [s.network.name for s in schedules]
    settings = [_metadata(s) for s in schedules]
    _check(names, settings, gate)
    if gate is not None:  # it must have decided before the others
        first = names.index(gate)
        order = [first, *(i for i in range(len(names)) if i != first)]
        schedules = [schedules[i] for i in order]
        settings = [_gated(settings[i], gated=i != first) for i in order]
    files = {f"model_{i}.c": _prefixed(model_source(s), i) for i, s in enumerate(schedules)}
    graphs = [s.network.graph for s in schedules]
    files["pipeline.c"] = _pipeline(graphs, settings, gate is not None)
    return Several(tuple(schedules), files)


def _metadata(schedule: Schedule) -> Metadata:
    if schedule.network.metadata is None:
        raise UserError(f"{schedule.network.name} carries no metadata: see `host adopt`")
    return schedule.network.metadata


def _same(front_end: FrontEnd) -> FrontEnd:
    """The front end without what may differ: the window's length and the input's rounding."""
    changes = {"frames": 1, **{k: v for k, v in _OWN.items() if hasattr(front_end, k)}}
    return replace(front_end, **changes)  # type: ignore[arg-type]


_OWN: dict[str, object] = {"settle": 0, "input": ""}


def _check(names: Sequence[str], settings: Sequence[Metadata], gate: str | None) -> None:
    if not 2 <= len(names) <= MOST:
        raise UserError(f"{len(names)} networks in one image: 2 to {MOST} are supported")
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two networks are called {name}: adopt one with another --name")
    if gate is not None and gate not in names:
        raise UserError(f"no network {gate} to gate the others: {', '.join(names)}")
    first = settings[0]
    for name, other in zip(names[1:], settings[1:], strict=True):
        if _same(other.features) != _same(first.features):
            raise UserError(
                f"{names[0]} and {name} have different front ends: networks in one image share it"
            )
        if other.hop != first.hop:
            raise UserError(
                f"{names[0]} decides every {first.hop_ms:g} ms, {name} every {other.hop_ms:g} ms: "
                "networks in one image must have the same hop"
            )
    if first.features.compress == "dynamic":
        raise UserError('compress = "dynamic" scales each window anew: one network in an image')


def _gated(metadata: Metadata, gated: bool) -> Metadata:
    """Makes a network wait for the gate."""
    if not gated:
        return metadata
    backoff = max(GATE_HOPS, metadata.detect.gate_backoff)
    return metadata.with_detect(gate_activity=True, gate_backoff=backoff)


def _prefixed(source: str, number: int) -> str:
    """A network's C with a prefix for its functions, and nn_reset() if it has none."""
    renamed = "".join(f"#define nn_{name} model_{number}_{name}\n" for name in FUNCTIONS)
    reset = "" if "void nn_reset(void)" in source else "\nvoid nn_reset(void) {\n}\n"
    return f"{renamed}\n{source}{reset}"


def _pipeline(graphs: Sequence[Graph], settings: Sequence[Metadata], gate: bool) -> str:
    """The text of pipeline.c."""
    lines, models, detects = [], [], []
    front = None
    past: list[int] = []
    for number, (graph, metadata) in enumerate(zip(graphs, settings, strict=True)):
        pipeline = pipeline_of(metadata, graph, activity=gate and number > 0)
        front = front or pipeline
        past.append(pipeline.past)
        detects.append(detect_source(pipeline, f"detect_{number}"))
        tensor = graph.tensors[graph.inputs[0]]
        q = input_quantizer(metadata.features, float(tensor.scale), tensor.zero_point)
        lines += [f"const nn_info_t *model_{number}_info(void);"]
        lines += [f"int model_{number}_{name}(void);" for name in ("init", "invoke")]
        lines += [f"void model_{number}_reset(void);"]
        lines += [f"void model_{number}_set_input(int i, const int8_t *data);"]
        lines += [f"int model_{number}_slide(uint32_t rows);"]
        lines += [f"const int8_t *model_{number}_output(int i);"]
        lines += [
            f"static int8_t rows_{number}[{pipeline.window_bytes}] __attribute__((aligned(16)));"
        ]
        names = ("info", "init", "reset", "set_input", "invoke", "slide", "output")
        table = ", ".join(f"model_{number}_{name}" for name in names)
        models.append(
            f"    {{{{{table}}},\n     &detect_{number}, "
            f"{{{q.multiplier}, {q.shift}, {q.zero_point}}}, {metadata.features.frames}, "
            f"rows_{number}, {'0' if gate and number else 'LISTEN_NO_GATE'}}},"
        )
    assert front is not None
    shared = config_source(
        replace(settings[0].features, frames=1),
        input_quantizer(settings[0].features, 1.0, 0),
    )
    # the front end rests only while all networks do
    room, fields = past_source(max(past) if all(past) else 0)
    declared, listed = "\n".join(lines), "\n".join(models)
    return f"""/* Front end and decision layers: written by `host compile`, not by hand. */
{shared.includes}#include "listen_several.h"

{shared.source}
{"".join(detects)}
{declared}

const listen_model_t listen_models[LISTEN_MODELS] = {{
{listed}
}};

{room}/* Each network keeps rows of its own. */
const listen_config_t listen_config = {{
    .features = &features,
    .detect = &detect_0,
    .hop_frames = {front.hop_frames},
    .hop = {front.hop},
    .rows = NULL,
{fields}}};
"""
