"""Front end and decision layer of a model: what pipeline.c says, from the metadata."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.compile.graph import Graph
from otolith.errors import UserError
from otolith.features import input_quantizer
from otolith.features.emit import Source, config_source
from otolith.settings.detect import RANGES, SWITCHES, q15
from otolith.settings.metadata import Metadata


def _detect_config(metadata: Metadata) -> dict[str, int]:
    """The fields of detect_config_t except labels and thresholds."""
    values = {key: int(getattr(metadata.detect, key)) for key in (*RANGES, *SWITCHES)}
    values["tells_activity"] = int(metadata.features.tells_activity)
    values["suppression"] = values.pop("suppression_hops")
    return values


@dataclass(frozen=True)
class Pipeline:
    """What an app that listens needs besides the network, checked and in the chip's units.

    Attributes:
        front_end: C of the front end's settings and tables.
        window_bytes: RAM of the window of features.
        past: Samples of sound to keep while the front end rests behind a closed gate; 0: it never
            rests.
        labels: Number of classes.
        detect: Fields of detect_config_t except labels and thresholds.
        thresholds: Of each class, Q15; 0 for a class that makes no events.
        hop_frames: Frames between two inferences.
        hop: Samples between two inferences.
    """

    front_end: Source
    window_bytes: int
    past: int
    labels: int
    detect: dict[str, int]
    thresholds: list[int]
    hop_frames: int
    hop: int


def pipeline_of(metadata: Metadata, graph: Graph, activity: bool = False) -> Pipeline:
    """The front end and decision layer that a network's metadata asks for.

    Args:
        metadata: The network's metadata.
        graph: The network.
        activity: Whether another network tells activity (compile/several.py).

    Raises:
        UserError: The metadata does not fit the network.
    """
    labels, front_end = metadata.classes, metadata.features
    tensor = graph.tensors[graph.inputs[0]]
    taken = metadata.deploy.hop_frames if graph.states else front_end.frames
    if len(graph.inputs) != 1 or tensor.count != taken * front_end.bands:
        raise UserError(
            f"the network takes {tensor.count} values, the front end gives "
            f"{taken} x {front_end.bands}{' a hop' if graph.states else ''}"
        )
    outputs = graph.tensors[graph.outputs[0]].count
    if outputs != len(labels) and not (outputs == 1 and len(labels) == 2):
        raise UserError(f"the network gives {outputs} scores for {len(labels)} classes")
    q = input_quantizer(front_end, float(tensor.scale), tensor.zero_point)
    detect = _detect_config(metadata)
    detect["tells_activity"] |= int(activity)
    return Pipeline(
        config_source(front_end, q),
        front_end.window_bytes,
        front_end.past_samples if metadata.detect.gate and not graph.states else 0,
        len(labels),
        detect,
        [q15(metadata.detect.thresholds.get(label, 0)) for label in labels],
        metadata.deploy.hop_frames,
        metadata.hop,
    )


def _fields(values: dict[str, int]) -> str:
    return "\n".join(f"    .{key} = {value}," for key, value in values.items())


def detect_source(pipeline: Pipeline, name: str = "detect") -> str:
    """C of the decision layer's settings."""
    return f"""static const detect_config_t {name} = {{
    .labels = {pipeline.labels},
{_fields(pipeline.detect)}
    .threshold = {{{", ".join(map(str, pipeline.thresholds))}}},
}};
"""


def past_source(samples: int) -> tuple[str, str]:
    """C of the room for sound, and of the fields of listen_config_t; both empty for 0 samples."""
    if not samples:
        return "", ""
    return f"static int16_t past[{samples}];\n", f"    .past = past,\n    .past_size = {samples},\n"


def pipeline_source(pipeline: Pipeline) -> str:
    """The text of pipeline.c."""
    room, fields = past_source(pipeline.past)
    return f"""/* Front end and decision layer: written by `host compile`, not by hand. */
{pipeline.front_end.includes}#include "listen.h"

{pipeline.front_end.source}
{detect_source(pipeline)}
/* features_rows_bytes() of it */
static int8_t rows[{pipeline.window_bytes}] __attribute__((aligned(16)));
{room}
const listen_config_t listen_config = {{
    .features = &features,
    .detect = &detect,
    .hop_frames = {pipeline.hop_frames},
    .hop = {pipeline.hop},
    .rows = rows,
{fields}}};
"""
