"""Front end and decision layer of a model: checks its metadata, and writes pipeline.c from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from otolith.compile.graph import Graph
from otolith.errors import UserError, short
from otolith.features import input_quantizer, window_bytes
from otolith.features.emit import Source, config_source
from otolith.features.settings import checked
from otolith.settings.detect import DEFAULTS, NEWER, RANGES, SWITCHES, q15, tells_activity

MAX_LABELS = 32  # detect.h


def _need(metadata: dict[str, Any], *path: str) -> Any:
    value: Any = metadata
    for key in path:
        if not isinstance(value, dict) or key not in value:
            raise UserError(f"the model's metadata lacks {'.'.join(path)}: train it again")
        value = value[key]
    return value


def _integer(metadata: dict[str, Any], low: int, high: int, *path: str) -> int:
    value = _need(metadata, *path)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UserError(
            f"the model's {'.'.join(path)} is {short(repr(value))}, not a number {low} to {high}"
        )
    return value


def labels_of(metadata: dict[str, Any] | None) -> list[str]:
    """Names of the classes; empty without metadata. Raises UserError if they are damaged."""
    if metadata is None:
        return []
    labels = _need(metadata, "classes")
    if not isinstance(labels, list) or not all(isinstance(x, str) for x in labels):
        raise UserError("the model's metadata: classes is not a list of names")
    if any("\0" in label for label in labels):
        raise UserError("the model's metadata: a class name has a NUL character in it")
    if not 1 <= len(labels) <= MAX_LABELS:
        raise UserError(f"the model has {len(labels)} classes: 1 to {MAX_LABELS} are supported")
    return labels


def streamed_hop(metadata: dict[str, Any]) -> int:
    """Frames by which the window moves from one inference to the next, if rows may be kept.

    Args:
        metadata: As pipeline_of() accepts it.

    Returns:
        0 if [deploy] stream is false, or if each window is scaled by its own range.
    """
    told = metadata["deploy"].get("stream", True)
    if not isinstance(told, bool):
        raise UserError(f"the model's deploy.stream is {short(repr(told))}, not true or false")
    dynamic = metadata["features"]["compress"] == "dynamic"
    return metadata["deploy"]["hop_frames"] if told and not dynamic else 0


def _thresholds(metadata: dict[str, Any], labels: list[str]) -> list[int]:
    """The threshold of each label, Q15."""
    thresholds = _need(metadata, "detect", "thresholds")
    if not isinstance(thresholds, dict):
        raise UserError("the model's detect.thresholds is not a table of classes")
    for label, value in thresholds.items():
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise UserError(
                f"the model's threshold of {short(label)} is {short(value)}, not 0 to 1"
            )
    unknown = set(thresholds) - set(labels)
    if unknown:
        raise UserError(
            f"threshold for {short(sorted(unknown)[0])!r}, which is not a class of the model"
        )
    return [q15(thresholds.get(name, 0)) for name in labels]


def _detect_settings(metadata: dict[str, Any], settings: dict[str, Any]) -> dict[str, int]:
    """The fields of detect_config_t except labels and thresholds. settings: the front end's."""
    told = {**metadata, "detect": {**{k: DEFAULTS[k] for k in NEWER}, **metadata["detect"]}}
    values: dict[str, int] = {}
    for key, (low, high) in RANGES.items():
        values[key] = _integer(told, low, high, "detect", key)
    if values["minimum_count"] > values["smoothing"]:
        _integer(told, 1, values["smoothing"], "detect", "minimum_count")
    for key in SWITCHES:
        value = _need(told, "detect", key)
        if not isinstance(value, bool):
            raise UserError(f"the model's detect.{key} is {short(repr(value))}, not true or false")
        values[key] = int(value)
    values["tells_activity"] = int(tells_activity(settings))
    if values["gate_activity"] and not values["tells_activity"]:
        raise UserError("the model's detect.gate_activity: its front end detects no activity")
    values["suppression"] = values.pop("suppression_hops")
    return values


@dataclass(frozen=True)
class Pipeline:
    """What an app that listens needs besides the network, checked and in the chip's units.

    Attributes:
        front_end: C of the front end's settings and tables.
        window_bytes: RAM of the window of features.
        labels: Number of classes.
        detect: Fields of detect_config_t except labels and thresholds.
        thresholds: Of each class, Q15; 0 for a class that makes no events.
        hop_frames: Frames between two inferences.
        hop: Samples between two inferences.
    """

    front_end: Source
    window_bytes: int
    labels: int
    detect: dict[str, int]
    thresholds: list[int]
    hop_frames: int
    hop: int


def pipeline_of(metadata: dict[str, Any], graph: Graph) -> Pipeline:
    """The front end and decision layer that a network's metadata asks for.

    Raises:
        UserError: The metadata is incomplete or does not fit the network.
    """
    labels = labels_of(metadata)
    for key in ("kind", "compress"):
        _need(metadata, "features", key)
    sizes = {
        key: _integer(metadata, 1, 65535, "features", key)
        for key in ("sample_rate", "window", "hop", "frames", "bands")
    }
    settings = checked(metadata["features"])
    hop_frames = _integer(metadata, 1, sizes["frames"], "deploy", "hop_frames")
    tensor = graph.tensors[graph.inputs[0]]
    if len(graph.inputs) != 1 or tensor.count != sizes["frames"] * sizes["bands"]:
        raise UserError(
            f"the network takes {tensor.count} values, the front end gives "
            f"{sizes['frames']} x {sizes['bands']}"
        )
    outputs = graph.tensors[graph.outputs[0]].count
    if outputs != len(labels) and not (outputs == 1 and len(labels) == 2):
        raise UserError(f"the network gives {outputs} scores for {len(labels)} classes")
    thresholds = _thresholds(metadata, labels)
    q = input_quantizer(settings, float(tensor.scale), tensor.zero_point)
    return Pipeline(
        config_source(settings, q),
        window_bytes(settings),
        len(labels),
        _detect_settings(metadata, settings),
        thresholds,
        hop_frames,
        hop_frames * sizes["hop"],
    )


def _fields(values: dict[str, int]) -> str:
    return "\n".join(f"    .{key} = {value}," for key, value in values.items())


def pipeline_source(pipeline: Pipeline) -> str:
    """The text of pipeline.c."""
    return f"""/* Front end and decision layer: written by `host compile`, not by hand. */
{pipeline.front_end.includes}#include "listen.h"

{pipeline.front_end.source}
static const detect_config_t detect = {{
    .labels = {pipeline.labels},
{_fields(pipeline.detect)}
    .threshold = {{{", ".join(map(str, pipeline.thresholds))}}},
}};

/* features_rows_bytes() of it */
static int8_t rows[{pipeline.window_bytes}] __attribute__((aligned(16)));

const listen_config_t listen_config = {{
    .features = &features,
    .detect = &detect,
    .hop_frames = {pipeline.hop_frames},
    .hop = {pipeline.hop},
    .rows = rows,
}};
"""
