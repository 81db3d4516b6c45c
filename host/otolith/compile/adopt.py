"""`host adopt`: gives an int8 network from elsewhere the metadata that other commands read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from otolith.compile import compile_graph, read_file
from otolith.compile.graph import Graph, Tensor
from otolith.compile.graph_edges import strip
from otolith.compile.manifest import metadata_of, read_manifest
from otolith.compile.metadata import read_metadata, write_metadata
from otolith.compile.mltk_model import mltk_metadata
from otolith.compile.tflite import read_graph
from otolith.errors import UserError, shown
from otolith.features import extract, input_quantizer, quantize
from otolith.files import make_folder, write_bytes
from otolith.settings.deploy import MOST_HOP, Deploy
from otolith.settings.detect import MOST_SMOOTHING, Detect
from otolith.settings.features import FrontEnd, preset
from otolith.settings.front_ends.logmel import Logmel
from otolith.settings.front_ends.presets import PRESETS
from otolith.settings.metadata import Metadata, parse_metadata
from otolith.settings.spec import load

# What TFLM's micro_speech example does: scores averaged over a second, an event above 200 of 255,
# then silence for 1.5 s; it decides as often as it can, we ten times a second.
EVERY_S, AVERAGED_S, SILENT_S, MINIMUM, THRESHOLD = 0.1, 1.0, 1.5, 3, 200 / 255
TFLM_SCALES = (26 / 256, 1.0)  # of inputs that TFLM's and MLTK's programs fill by their own rule
# Classes of these names, and those with a leading underscore, never make an event.
REST = {"silence", "unknown", "background", "noise", "other", "none"}


def features_named(name: str) -> FrontEnd:
    """The front end of a preset, or of a model's folder; UserError."""
    if name in PRESETS:
        return preset(name)
    if not Path(name).exists():
        raise UserError(
            f"--features {name}: no folder of a model, and no preset: {', '.join(PRESETS)}"
        )
    return load(Path(name)).features


def listening(front_end: FrontEnd) -> tuple[Detect, Deploy]:
    """[detect] and [deploy] as TFLM's example has them, in hops of this front end."""
    rate, hop = front_end.sample_rate, front_end.hop
    most = max(1, min(front_end.frames, MOST_HOP // hop))
    hop_frames = max(1, min(most, round(EVERY_S * rate / hop)))
    each = hop_frames * hop / rate
    smoothing = max(1, min(MOST_SMOOTHING, round(AVERAGED_S / each)))
    detect = Detect(
        {},
        smoothing=smoothing,
        minimum_count=min(MINIMUM, smoothing),
        suppression_hops=round(SILENT_S / each),
    )
    return detect, Deploy(hop_frames)


def _edges(graph: Graph) -> tuple[Tensor, Tensor]:
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UserError(
            f"has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs: it must have one "
            "of each"
        )
    return graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]


def _check_shape(front_end: FrontEnd, tensor: Tensor) -> None:
    frames, bands = front_end.shape
    if [n for n in tensor.shape if n != 1] not in ([frames, bands], [frames * bands]):
        raise UserError(
            f"takes {'x'.join(map(str, tensor.shape))} values, the front end gives {frames} frames "
            f"of {bands}: name another with --features"
        )


def _check_scale(front_end: FrontEnd, tensor: Tensor) -> None:
    """Noise that swells by 24 dB must not be lost in the network's int8."""
    q = input_quantizer(front_end, float(tensor.scale), tensor.zero_point)
    noise = np.random.default_rng(1).normal(0, np.geomspace(500, 8000, front_end.samples))
    values = extract(np.clip(np.round(noise), -32768, 32767).astype(np.int16), front_end)
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


def _own(data: bytes) -> Metadata:
    """The metadata a network carries, ours or MLTK's; UserError if it carries none."""
    found = read_metadata(data) or mltk_metadata(data)  # the latter for its error
    if found is None:
        raise UserError("carries no settings: name its front end with --features")
    return found


def _for_front_end(front_end: FrontEnd, source: Tensor) -> Metadata:
    """Metadata of a network that has none, behind a front end."""
    near = any(abs(source.scale / scale - 1) < 0.01 for scale in TFLM_SCALES)
    if isinstance(front_end, Logmel) and near:
        front_end = replace(front_end, input="tflm")
    detect, deploy = listening(front_end)
    return Metadata(front_end, detect, deploy, ())


def _given_thresholds(
    classes: Sequence[str], kept: Mapping[str, float], given: Mapping[str, float]
) -> dict[str, float]:
    """Thresholds by class. kept: those the metadata had; without any, every class that makes events
    gets TFLM's. given: what the user says; "" stands for all that are not named."""
    names = [c for c in classes if c not in REST and not c.startswith("_")]
    found = dict(kept) if kept else dict.fromkeys(names, THRESHOLD)
    if "" in given:
        found = dict.fromkeys(found, given[""])
    return {**found, **{label: value for label, value in given.items() if label}}


def adopt(
    data: bytes,
    name: str,
    features: FrontEnd | None = None,
    classes: Sequence[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    **changes: int,
) -> tuple[bytes, Metadata]:
    """Gives an int8 .tflite metadata that `host compile` and the other commands read.

    What is not given stays as it is in the file, or becomes what TFLM's example does.

    Args:
        data: The file's bytes.
        name: Name of the model.
        features: Its front end; None: the one it carries already, ours or MLTK's.
        classes: Names of its outputs, in order.
        thresholds: 0..1 of each class that makes events; "" stands for all that are not named.
        changes: Keys of [detect], and hop_frames.

    Returns:
        The bytes of the new file, and its metadata.

    Raises:
        UserError: That does not fit the network.
    """
    source, scores = _edges(strip(read_graph(data)))
    metadata = _own(data) if features is None else _for_front_end(features, source)
    kept = metadata.detect.thresholds if classes is None else {}
    classes = metadata.classes if classes is None else tuple(classes)
    _check_shape(metadata.features, source)
    _check_scale(metadata.features, source)
    _check_output(scores)
    if not classes:
        raise UserError("names no classes: give them with --classes, in the order of its outputs")
    hop_frames = changes.pop("hop_frames", metadata.deploy.hop_frames)
    detect = replace(metadata.detect, thresholds=_given_thresholds(classes, kept, thresholds or {}))
    metadata = replace(
        metadata,
        name=name,
        description="adopted",
        classes=classes,
        detect=replace(detect, **changes),  # type: ignore[arg-type]
        deploy=Deploy(hop_frames),
    )
    metadata = parse_metadata(metadata.to_json())  # checks all of it
    adopted = write_metadata(data, metadata)
    compile_graph(adopted, name)
    return adopted, metadata


def adopt_manifest(
    path: Path,
    name: str | None = None,
    thresholds: Mapping[str, float] | None = None,
    **changes: int,
) -> tuple[bytes, Metadata]:
    """Gives the network of a microWakeWord manifest the metadata that other commands read.

    Args:
        path: The manifest, a JSON file.
        name: Name of the model; None: that of the network's file.
        thresholds: 0..1 instead of the manifest's cutoff: of its wake word, or "" for the same.
        changes: Keys of [detect].

    Returns:
        The bytes of a copy of the network, and its metadata.

    Raises:
        UserError: The manifest is wrong, or the network does not fit it.
    """
    manifest = read_manifest(path)
    try:
        data = read_file(manifest.network)
        metadata = metadata_of(manifest, *_edges(strip(read_graph(data))))
        if name is not None:
            metadata = replace(metadata, name=name)
        if "hop_frames" in changes:
            raise UserError("--hop-frames: a network that keeps its own state steps as it was made")
        given = _given_thresholds(metadata.classes, metadata.detect.thresholds, thresholds or {})
        detect = replace(metadata.detect, thresholds=given)
        smoothing = changes.get("smoothing", detect.smoothing)
        changes.setdefault("minimum_count", min(detect.minimum_count, smoothing))
        detect = replace(detect, **changes)  # type: ignore[arg-type]
        metadata = parse_metadata(replace(metadata, detect=detect).to_json())  # checks all of it
        adopted = write_metadata(data, metadata)
        compile_graph(adopted, metadata.name)
    except UserError as error:
        if error.message.startswith((str(manifest.network), "--")):
            raise
        raise UserError(f"{manifest.network}: {error.message}") from error
    return adopted, metadata


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
@click.option(
    "--gate-level",
    "gate",
    type=click.IntRange(0, 32767),
    help="Level below which nothing is heard.",
)
@click.option("--hop-frames", type=click.IntRange(1, 500), help="Frames between two inferences.")
@click.option("--name", help="[the name of the new file]")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help=".tflite. [of a manifest: models/NAME/NAME.tflite]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the new metadata as JSON.")
def adopt_command(
    model: Path,
    features: str | None,
    classes: str | None,
    threshold: tuple[str, ...],
    name: str | None,
    out: Path | None,
    as_json: bool,
    **changes: int | None,
) -> None:
    """Give MODEL, an int8 .tflite from elsewhere, a front end and the names of its classes, so that
    every other command takes it. A model of MLTK brings both along, and so does the manifest of a
    microWakeWord (a .json file with its .tflite beside it).

    What is not given is as in TensorFlow Lite Micro's micro_speech example. Classes called silence,
    unknown, background, noise, other, none, and those that begin with _, make no events unless they
    are given a threshold.

    \b
    Examples:
        host adopt micro_speech.tflite --features micro_speech \\
            --classes silence,unknown,yes,no -o models/tflm_micro_speech.tflite
        host adopt from_mltk.tflite --threshold 0.6 -o models/mltk.tflite
        host adopt okay_nabu.json
    """
    given = {key: value for key, value in changes.items() if value is not None}
    if model.suffix.lower() == ".json":
        if features or classes:
            raise UserError("--features and --classes: the manifest says them")
        adopted, metadata = adopt_manifest(model, name, _thresholds(threshold), **given)
        out = out or Path("models") / metadata.name / f"{metadata.name}.tflite"
        _finish(out, adopted, metadata, as_json)
        return
    if out is None:
        raise UserError("name the new file with -o")
    try:
        data = read_file(model)
        settings = features_named(features) if features else None
        names = [c.strip() for c in classes.split(",")] if classes else None
        adopted, metadata = adopt(
            data, name or out.stem, settings, names, _thresholds(threshold), **given
        )
    except UserError as error:
        if error.message.startswith((str(model), "--")):
            raise
        raise UserError(f"{model}: {error.message}") from error
    _finish(out, adopted, metadata, as_json)


def _finish(out: Path, adopted: bytes, metadata: Metadata, as_json: bool) -> None:
    """Writes the new file and shows what is in it."""
    make_folder(out.parent)
    write_bytes(out, adopted)
    if as_json:
        click.echo(json.dumps(metadata.to_json()))
        return
    heard = ", ".join(f"{shown(c)} >= {t:.2f}" for c, t in metadata.detect.thresholds.items())
    frames, bands = metadata.features.shape
    click.echo(
        f"{out}: {metadata.features.kind} {frames}x{bands}, classes "
        f"{', '.join(map(shown, metadata.classes))}; events: {heard or 'none'}"
    )
