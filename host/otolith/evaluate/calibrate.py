"""`host calibrate`: a trained model gets thresholds that keep a promise on given recordings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console

from otolith.compile import model_hash
from otolith.compile.metadata import read_metadata, write_metadata
from otolith.data.metadata import NAME, load
from otolith.errors import UserError, shown
from otolith.evaluate import models
from otolith.evaluate.data import PATH, bars
from otolith.evaluate.promise import DEFAULT_RATE, Setting, promise
from otolith.evaluate.recordings import Progress, Source, hear, hear_takes, sources
from otolith.evaluate.tables import print_promise
from otolith.farm import scheduler_option
from otolith.files import write_bytes, write_text
from otolith.listen.ending import memory_ms
from otolith.places import PLACE
from otolith.report.evaluation import evaluation_page, promise_section
from otolith.report.results import Promise
from otolith.settings.detect import q15

EARLY_MS = 100.0  # an event may come so long before its label


@dataclass(frozen=True)
class Calibrated:
    """A model with chosen thresholds.

    data: The .tflite; its network's bytes are those it had. promise: What the thresholds do.
    problems: What could not be read, a line each. notes: Remarks about label tracks.
    """

    data: bytes
    promise: Promise
    problems: list[str]
    notes: list[str]


def calibrate(
    data: bytes,
    recordings: Sequence[Source],
    clips: Sequence[tuple[Path, str]],
    asked: float | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Calibrated:
    """Chooses the thresholds and the smoothing of a model anew.

    Args:
        data: Bytes of the .tflite.
        recordings: Streams that had no part in training.
        clips: File and label of takes that had no part in training; may be none.
        asked: False accepts an hour, of all classes together; None for what the model was trained
            for, or else DEFAULT_RATE.
        scheduler: Address of a Dask scheduler; None for this computer's cores.
        progress: Called with a text and the share done.

    Raises:
        UserError: The model carries no metadata or no threshold, or nothing could be read.
    """
    metadata = read_metadata(data)
    if metadata is None:
        raise UserError("carries no Otolith metadata: train it with `host train`")
    if asked is not None and not 0 < asked <= 1000:
        raise UserError(f"{asked:g} false accepts an hour: must be above 0, up to 1000")
    detect = metadata.detect
    labels = [n for n in metadata.classes if q15(detect.thresholds.get(n, 0)) > 0]
    if not labels:
        raise UserError("no class has a threshold: none makes events")
    streams, problems = hear(data, recordings, labels, scheduler, progress)
    for stream in streams:
        problems += stream.problems
        if not len(stream.heard.scores):
            problems.append(f"{stream.source.name}: shorter than the network's window")
    streams = [s for s in streams if len(s.heard.scores)]
    if not streams:
        raise UserError(problems[0])
    mine = [(file, label) for file, label in clips if label in labels]
    takes, bad = hear_takes(data, mine, scheduler, progress)
    chosen, found = promise(
        streams,
        takes,
        detect,
        metadata.classes,
        metadata.hop_ms,
        Setting(EARLY_MS, memory_ms(metadata)),
        asked or detect.false_accepts_per_hour or DEFAULT_RATE,
    )
    return Calibrated(
        write_metadata(data, replace(metadata, detect=chosen)),
        found,
        problems + bad,
        [note for stream in streams for note in stream.notes],
    )


def takes_of(dataset: Path) -> list[tuple[Path, str]]:
    """Finds clips of a dataset that had no part in training: all but those of its train set.

    Raises:
        UserError: No dataset, or no such clip.
    """
    if not (dataset / NAME).exists():
        raise UserError(f"{dataset}: no {NAME} in it: give a dataset, as `host data import` makes")
    rows = load(dataset).rows
    found = [(dataset / row.file, row.label) for row in rows if row.set != "train"]
    if not found:
        raise UserError(
            f"{dataset}: every clip is in the train set: thresholds need clips that were not "
            "trained on: run `host data split`"
        )
    return found


@click.command("calibrate")
@click.argument("model", type=PATH)
@click.option(
    "--streams",
    type=PLACE,
    multiple=True,
    required=True,
    help="Folder or file of long recordings that had no part in training; may be repeated.",
)
@click.option(
    "--takes", type=PLACE, help="Dataset whose clips outside the train set should be heard."
)
@click.option(
    "--false-accepts-per-hour",
    "asked",
    type=float,
    help=f"The promise, all classes together.  [default: the model's, or {DEFAULT_RATE:g}]",
)
@scheduler_option
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@click.option("-o", "--out", type=PATH, help="HTML page with the curve.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def calibrate_command(
    model: Path,
    streams: tuple[Path, ...],
    takes: Path | None,
    asked: float | None,
    scheduler: str | None,
    dry_run: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Choose thresholds and smoothing of MODEL so that it keeps to a rate of false accepts.

    The recordings must have had no part in training. A label track beside one (.txt) says what in
    it should be heard; nothing should be heard in the others. The choice is written into the
    .tflite's metadata; the network stays as it is.

    \b
    Examples:
        host calibrate models/keyword --streams evenings --takes dataset --dry-run
        host calibrate keyword.tflite --streams living_room.wav --false-accepts-per-hour 0.2
    """
    file = models.trained(model)
    recordings, clips = sources(streams), takes_of(takes) if takes else []
    with bars() as progress:
        found = calibrate(file.data, recordings, clips, asked, scheduler, progress)
    for line in [*found.problems, *found.notes]:
        click.echo(shown(line), err=True)
    name = file.tflite.stem
    if out:
        write_text(
            out, evaluation_page(name, model_hash(found.data), [promise_section(found.promise)])
        )
    if not dry_run:
        write_bytes(file.tflite, found.data)
    if as_json:
        head = {"model": str(file.tflite), "hash": model_hash(found.data), "written": not dry_run}
        click.echo(json.dumps({**head, **found.promise.to_json()}))
        return
    print_promise(Console(), found.promise)
    click.echo(
        shown(
            f"{file.tflite}: nothing was written"
            if dry_run
            else f"wrote {file.tflite}: {model_hash(file.data)} is now {model_hash(found.data)}"
        )
    )
    if out:
        click.echo(shown(f"report: {out}"))
