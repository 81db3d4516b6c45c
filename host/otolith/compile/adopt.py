"""`host adopt`: somebody else's int8 network becomes one of ours, by the metadata it gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from otolith.compile import compile_graph, read_file
from otolith.compile.graph import Graph, Tensor
from otolith.compile.graph_edges import strip
from otolith.compile.metadata import read_metadata, write_metadata
from otolith.compile.mltk_model import mltk_metadata
from otolith.compile.tflite import read_graph
from otolith.errors import UserError
from otolith.features import PRESETS, extract, input_quantizer, preset, quantize, window_samples
from otolith.files import write_bytes

# What TFLM's micro_speech example does: scores averaged over a second, an event above 200 of 255,
# then silence for 1.5 s; it decides as often as it can, we ten times a second.
EVERY_S, AVERAGED_S, SILENT_S, MINIMUM, THRESHOLD = 0.1, 1.0, 1.5, 3, 200 / 255
TFLM_SCALES = (26 / 256, 1.0)  # of inputs that TFLM's and MLTK's programs fill by their own rule
# Classes of these names, and those with a leading underscore, never make an event.
REST = {"silence", "unknown", "background", "noise", "other", "none"}


def features_named(name: str) -> dict[str, Any]:
    """Settings of a preset, or the [features] of a model's folder; UserError."""
    if name in PRESETS:
        return preset(name)
    if not Path(name).exists():
        raise UserError(
            f"--features {name}: no folder of a model, and no preset: {', '.join(PRESETS)}"
        )
    from otolith.settings.spec import load

    features: dict[str, Any] = load(Path(name)).metadata()["features"]
    return features


def listening(settings: dict[str, Any]) -> dict[str, Any]:
    """[detect] and [deploy] as TFLM's example has them, in hops of this front end."""
    rate, hop = settings["sample_rate"], settings["hop"]
    most = min(settings["frames"], 8192 // hop)
    hop_frames = max(1, min(most, round(EVERY_S * rate / hop)))
    each = hop_frames * hop / rate
    smoothing = max(1, min(32, round(AVERAGED_S / each)))
    return {
        "detect": {
            "gate": 0,
            "smoothing": smoothing,
            "minimum_count": min(MINIMUM, smoothing),
            "suppression_hops": round(SILENT_S / each),
        },
        "deploy": {"hop_frames": hop_frames},
    }


def _edges(graph: Graph) -> tuple[Tensor, Tensor]:
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UserError(
            f"has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs: it must have one "
            "of each"
        )
    return graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]


def _check_shape(settings: dict[str, Any], tensor: Tensor) -> None:
    frames, bands = settings["frames"], settings["bands"]
    if [n for n in tensor.shape if n != 1] not in ([frames, bands], [frames * bands]):
        raise UserError(
            f"takes {'x'.join(map(str, tensor.shape))} values, the front end gives {frames} frames "
            f"of {bands}: name another with --features"
        )


def _check_scale(settings: dict[str, Any], tensor: Tensor) -> None:
    """Noise that swells by 24 dB must not be lost in the network's int8."""
    q = input_quantizer(settings, float(tensor.scale), tensor.zero_point)
    samples = window_samples(settings)
    noise = np.random.default_rng(1).normal(0, np.geomspace(500, 8000, samples))
    values = extract(np.clip(np.round(noise), -32768, 32767).astype(np.int16), settings)
    seen = quantize(values, q)
    clamped = np.isin(seen, (-128, 127)).mean()
    if clamped > 0.5 or len(np.unique(seen)) < 16:
        raise UserError(
            f"its input (scale {tensor.scale:.4g}, zero point {tensor.zero_point}) is not made for "
            f"this front end: of noise it can tell {len(np.unique(seen))} values apart, "
            f"{clamped:.0%} are beyond its limits"
        )


def _check_output(tensor: Tensor) -> None:
    low, high = ((n - tensor.zero_point) * float(tensor.scale) for n in (-128, 127))
    if low < -0.01 or not 0.9 < high < 1.02:
        raise UserError(
            f"its output goes from {low:.3g} to {high:.3g}: scores must be 0 to 1, the last "
            "operation SOFTMAX or LOGISTIC"
        )


def adopt(
    data: bytes,
    name: str,
    features: dict[str, Any] | None = None,
    classes: list[str] | None = None,
    thresholds: dict[str, float] | None = None,
    **changes: int,
) -> bytes:
    """An int8 .tflite with metadata that `host compile` and the rest read.

    features: settings of its front end; None: what it carries already, ours or MLTK's. classes:
    names of its outputs in order. thresholds: 0..1 of each class that makes events; "" stands for
    all that are not named. changes: keys of [detect], and hop_frames. What is not given stays as it
    is in the file, or becomes what TFLM's example does. UserError if that does not fit the network.
    """
    source, scores = _edges(strip(read_graph(data)))
    if features is None:
        metadata = read_metadata(data) or mltk_metadata(data)  # the latter for its error
        if metadata is None:
            raise UserError("carries no settings: name its front end with --features")
    else:
        near = any(abs(source.scale / scale - 1) < 0.01 for scale in TFLM_SCALES)
        if features["kind"] == "logmel" and near:
            features = {**features, "input": "tflm"}
        metadata = {"format": 1, "features": features, **listening(features)}
    metadata = {**metadata, "name": name, "description": "adopted"}
    if classes is not None:
        metadata["classes"] = classes
        metadata["detect"] = {k: v for k, v in metadata["detect"].items() if k != "thresholds"}
    _check_shape(metadata["features"], source)
    _check_scale(metadata["features"], source)
    _check_output(scores)
    if "classes" not in metadata:
        raise UserError("names no classes: give them with --classes, in the order of its outputs")
    names = [c for c in metadata["classes"] if c not in REST and not c.startswith("_")]
    detect = {"thresholds": dict.fromkeys(names, THRESHOLD), **metadata["detect"]}
    given = dict(thresholds or {})
    if (every := given.pop("", None)) is not None:
        detect["thresholds"] = dict.fromkeys(detect["thresholds"], every)
    detect["thresholds"] = {**detect["thresholds"], **given}
    hop_frames = changes.pop("hop_frames", metadata["deploy"]["hop_frames"])
    metadata["detect"] = {**detect, **changes}
    metadata["deploy"] = {"hop_frames": hop_frames}
    adopted = write_metadata(data, metadata)
    compile_graph(adopted, name)  # all of the metadata is checked there
    return adopted


def _thresholds(given: tuple[str, ...]) -> dict[str, float]:
    """0.8 -> {"": 0.8}, yes=0.7 -> {"yes": 0.7}; UserError."""
    found = {}
    for text in given:
        label, _, number = text.rpartition("=")
        try:
            found[label] = float(number)
        except ValueError:
            raise UserError(f"--threshold {text}: give 0.8, or CLASS=0.8") from None
        if not 0 < found[label] <= 1:
            raise UserError(f"--threshold {text}: must be above 0, up to 1")
    return found


@click.command("adopt")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--features", help="Front end: a preset, or a model's folder. [the file's own]")
@click.option("--classes", help="Names of its outputs, in order, with commas between.")
@click.option("--threshold", multiple=True, help="Of all events, or CLASS=0.8; repeat it.")
@click.option("--smoothing", type=click.IntRange(1, 32), help="Hops averaged.")
@click.option("--minimum-count", type=click.IntRange(1, 32), help="Hops before the first event.")
@click.option("--suppression-hops", type=click.IntRange(0, 65535), help="Silent after an event.")
@click.option("--gate", type=click.IntRange(0, 32767), help="Level below which nothing is heard.")
@click.option("--hop-frames", type=click.IntRange(1, 500), help="Frames between two inferences.")
@click.option("--name", help="[the name of the new file]")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help=".tflite.")
@click.option("--json", "as_json", is_flag=True, help="Print the new metadata as JSON.")
def adopt_command(
    model: Path,
    features: str | None,
    classes: str | None,
    threshold: tuple[str, ...],
    name: str | None,
    out: Path,
    as_json: bool,
    **changes: int | None,
) -> None:
    """Give MODEL, an int8 .tflite from elsewhere, a front end and the names of its classes, so that
    every other command takes it. A model of MLTK brings both along.

    What is not given is as in TensorFlow Lite Micro's micro_speech example. Classes called silence,
    unknown, background, noise, other, none, and those that begin with _, make no events unless they
    are given a threshold.

    \b
    Example:
        host adopt micro_speech.tflite --features micro_speech \\
            --classes silence,unknown,yes,no -o models/tflm_micro_speech.tflite
        host adopt from_mltk.tflite --threshold 0.6 -o models/mltk.tflite
    """
    try:
        data = read_file(model)
        settings = features_named(features) if features else None
        names = [c.strip() for c in classes.split(",")] if classes else None
        given = {key: value for key, value in changes.items() if value is not None}
        adopted = adopt(data, name or out.stem, settings, names, _thresholds(threshold), **given)
    except UserError as error:
        if error.message.startswith((str(model), "--")):
            raise
        raise UserError(f"{model}: {error.message}") from error
    write_bytes(out, adopted)
    metadata = read_metadata(adopted)
    assert metadata is not None
    if as_json:
        click.echo(json.dumps(metadata))
        return
    heard = ", ".join(f"{c} >= {t:.2f}" for c, t in metadata["detect"]["thresholds"].items())
    front_end = metadata["features"]
    click.echo(
        f"{out}: {front_end['kind']} {front_end['frames']}x{front_end['bands']}, classes "
        f"{', '.join(metadata['classes'])}; events: {heard or 'none'}"
    )
