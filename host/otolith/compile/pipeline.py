"""pipeline.c: front end and decision layer of a model, from its metadata."""

from __future__ import annotations

from typing import Any

from otolith.compile.graph import Graph
from otolith.errors import UserError, short
from otolith.features import input_quantizer, window_bytes
from otolith.features.emit import config_source
from otolith.features.settings import checked
from otolith.settings.detect import DEFAULTS, NEWER, RANGES, SWITCHES, q15, tells_activity

MAX_LABELS = 32  # detect.h


def _need(metadata: dict, *path: str):
    value = metadata
    for key in path:
        if not isinstance(value, dict) or key not in value:
            raise UserError(f"the model's metadata lacks {'.'.join(path)}: train it again")
        value = value[key]
    return value


def _integer(metadata: dict, low: int, high: int, *path: str) -> int:
    value = _need(metadata, *path)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UserError(
            f"the model's {'.'.join(path)} is {short(repr(value))}, not a number {low} to {high}"
        )
    return value


def labels_of(metadata: dict | None) -> list[str]:
    """Class names, or none."""
    if metadata is None:
        return []
    labels = _need(metadata, "classes")
    if not isinstance(labels, list) or not all(isinstance(x, str) for x in labels):
        raise UserError("the model's metadata: classes is not a list of names")
    if not 1 <= len(labels) <= MAX_LABELS:
        raise UserError(f"the model has {len(labels)} classes: 1 to {MAX_LABELS} are supported")
    return labels


def streamed_hop(metadata: dict) -> int:
    """Frames by which the window slides between two inferences, of metadata that pipeline_source
    took; 0 if [deploy] stream = false, or if each window is scaled anew."""
    told = metadata["deploy"].get("stream", True)
    if not isinstance(told, bool):
        raise UserError(f"the model's deploy.stream is {short(repr(told))}, not true or false")
    dynamic = metadata["features"]["compress"] == "dynamic"
    return metadata["deploy"]["hop_frames"] if told and not dynamic else 0


def _thresholds(metadata: dict, labels: list[str]) -> list[int]:
    """Of each label, Q15."""
    thresholds = _need(metadata, "detect", "thresholds")
    if not isinstance(thresholds, dict):
        raise UserError("the model's detect.thresholds is no table of classes")
    for label, value in thresholds.items():
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise UserError(
                f"the model's threshold of {short(label)} is {short(value)}, not 0 to 1"
            )
    unknown = set(thresholds) - set(labels)
    if unknown:
        raise UserError(
            f"threshold for {short(sorted(unknown)[0])!r}, which is no class of the model"
        )
    return [q15(thresholds.get(name, 0)) for name in labels]


def _detect_settings(metadata: dict, settings: dict[str, Any]) -> dict[str, int]:
    """The fields of detect_config_t but labels and thresholds. settings: of the front end."""
    told = {**metadata, "detect": {**{k: DEFAULTS[k] for k in NEWER}, **metadata["detect"]}}
    values = {}
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


def _fields(values: dict[str, int]) -> str:
    return "\n".join(f"    .{key} = {value}," for key, value in values.items())


def pipeline_source(metadata: dict, graph: Graph) -> str:
    """The text of pipeline.c."""
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
    front_end = config_source(settings, q)
    return f"""/* Front end and decision layer: written by `host compile`, not by hand. */
{front_end.includes}#include "listen.h"

{front_end.source}
static const detect_config_t detect = {{
    .labels = {len(labels)},
{_fields(_detect_settings(metadata, settings))}
    .threshold = {{{", ".join(map(str, thresholds))}}},
}};

/* features_rows_bytes() of it */
static int8_t rows[{window_bytes(settings)}] __attribute__((aligned(16)));

const listen_config_t listen_config = {{
    .features = &features,
    .detect = &detect,
    .hop_frames = {hop_frames},
    .hop = {hop_frames * sizes["hop"]},
    .rows = rows,
}};
"""
