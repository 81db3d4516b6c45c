"""Keeps the promise of a spec: thresholds for a rate of false accepts, chosen after training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from otolith.audio import SOUNDS
from otolith.compile.metadata import read_metadata
from otolith.data.clips import open_rows
from otolith.data.synthetic import folder_of, is_synthetic
from otolith.data.windows import recordings
from otolith.errors import UserError
from otolith.evaluate.calibrate import calibrate
from otolith.evaluate.recordings import Source, sources
from otolith.paths import test_data
from otolith.report.results import Promise
from otolith.settings.spec import Spec
from otolith.train.progress import Report, silent


@dataclass(frozen=True)
class Kept:
    """A trained model with chosen thresholds.

    data: The .tflite. spec: The spec with the chosen settings. promise: What they do. warnings:
    What could not be read, and what makes the promise worth less, a line each.
    """

    data: bytes
    spec: Spec
    promise: Promise
    warnings: list[str]


def streams_of(spec: Spec) -> list[Source]:
    """Finds the streams that thresholds are chosen on.

    Args:
        spec: The model's settings. A dataset that is still to be generated shares nothing with
            recordings.

    Raises:
        UserError: A stream is missing, or has a part in training: it is the same file, a copy of
            one, or of the same speaker.
    """
    if not spec.detect.streams:
        return []
    try:
        found = sources([Path(name) for name in spec.detect.streams])
    except UserError as error:
        raise UserError(f"[detect] streams: {error.message}") from error
    files, speakers = _in_training(spec)
    sizes = {file.stat().st_size for file in files if file.exists()}
    real = {file.resolve(): file for file in files}
    digests: dict[str, Path] = {}
    for source in found:
        if source.speaker and source.speaker in speakers:
            raise UserError(
                f"[detect] streams: {source.name}: its speaker, {source.speaker}, is in training "
                "too: thresholds must be chosen on other people"
            )
        for file in source.files:
            copy = real.get(file.resolve())
            if copy is None and file.exists() and file.stat().st_size in sizes:
                digests = digests or _digests(files)
                copy = digests.get(_digest(file))
            if copy is not None:
                raise UserError(
                    f"[detect] streams: {file} is in training too ({copy}): thresholds must be "
                    "chosen on other recordings"
                )
    return found


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _digests(files: Iterable[Path]) -> dict[str, Path]:
    return {_digest(file): file for file in files if file.exists()}


def _in_training(spec: Spec) -> tuple[list[Path], set[str]]:
    """Files and speakers that training learns from or chooses its epoch on."""
    files: list[Path] = []
    speakers: set[str] = set()
    if not is_synthetic(spec):
        dataset = folder_of(spec)
        speaker = {row.file: row.speaker for row in open_rows(dataset).rows}
        for entry in recordings(spec):
            if entry.set != "test":
                files.append(entry.file)
                speakers.add(speaker.get(entry.file.relative_to(dataset).as_posix(), ""))
    negatives: Sequence[str] = getattr(spec.data, "negatives", ())
    for name in negatives:
        path = Path(name) if Path(name).exists() else test_data() / name
        files += (
            [path] if path.is_file() else [f for f in path.rglob("*") if f.suffix.lower() in SOUNDS]
        )
    return files, speakers - {""}


def keep(
    spec: Spec, tflite: bytes, streams: Sequence[Source], progress: Report = silent
) -> Kept | None:
    """Chooses thresholds and smoothing on streams and on the clips of the validation set.

    Args:
        spec: The model's settings.
        tflite: The trained network.
        streams: As streams_of() found them.
        progress: Called as the work proceeds.

    Returns:
        The model with them; None if the spec promises nothing.

    Raises:
        UserError: No stream could be read.
    """
    if not streams:
        return None
    classes = spec.model.classes
    takes = [
        (entry.file, classes[entry.label])
        for entry in recordings(spec)
        if entry.set == "validate" and classes[entry.label] in spec.detect.thresholds
    ]
    found = calibrate(tflite, streams, takes, spec.detect.false_accepts_per_hour, progress=progress)
    metadata = read_metadata(found.data)
    assert metadata is not None
    detect = replace(metadata.detect, streams=spec.detect.streams)
    said = [*found.problems, *found.promise.warnings]
    return Kept(found.data, replace(spec, detect=detect), found.promise, said)


def line(promise: Promise) -> str:
    """The promise in one line."""
    total = promise.after.total
    missed, positives = sum(promise.after.misses), sum(promise.positives)
    chosen = ", ".join(
        f"{label} {threshold:g}"
        for label, threshold in zip(promise.labels, promise.after.thresholds, strict=True)
    )
    return (
        f"false accepts: {total.per_hour:.2f} an hour (95 %: {total.low:.2f} to {total.high:.2f}) "
        f"on {promise.hours:.1f} hours, {promise.asked:g} promised. Missed: {missed} of "
        f"{positives} takes. Thresholds: {chosen}. Smoothing: {promise.after.smoothing} hops"
    )
