"""`host evaluate`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from otolith.errors import UserError, shown
from otolith.evaluate import clips, models, replay, tables
from otolith.evaluate import stream as streams
from otolith.evaluate.data import PATH, bars, chosen_sounds, data_options
from otolith.evaluate.recordings import Source, sources, track_beside
from otolith.farm import scheduler_option
from otolith.files import write_text
from otolith.listen.ending import memory_ms
from otolith.places import PLACE
from otolith.report.evaluation import evaluation_page, evaluation_section
from otolith.report.results import ClipFigures, StreamFigures

EARLY = "Seconds before a label's start an event may come."
LATE = "Seconds after a label's end; default: as long as network and smoothing remember."


@click.command()
@click.argument("model", type=PATH)
@click.argument("recordings", nargs=-1, type=PLACE)
@data_options
@click.option("--others", is_flag=True, help="Count sounds of no class: UNK is right for them.")
@click.option("--sweep", type=PATH, help="CSV of precision, recall, F1 at every threshold.")
@click.option(
    "--stream",
    is_flag=True,
    help="Judge RECORDINGS: files, each with its label track (.txt), or folders of them.",
)
@click.option("--labels", type=PATH, help="Label track of the one recording, if not beside it.")
@click.option("--no-labels", is_flag=True, help="Nothing in RECORDINGS should be heard.")
@click.option("--early", type=click.FloatRange(0, 60), default=0.1, show_default=True, help=EARLY)
@click.option("--late", type=click.FloatRange(0, 600), help=LATE)
@scheduler_option
@click.option("-o", "--out", type=PATH, help="HTML page with plots.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate(
    model: Path,
    recordings: tuple[Path, ...],
    spec: Path | None,
    data: Path | None,
    dataset: Path | None,
    chosen: str,
    others: bool,
    sweep: Path | None,
    stream: bool,
    labels: Path | None,
    no_labels: bool,
    early: float,
    late: float | None,
    scheduler: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure how well MODEL (a .tflite or its folder) hears, with the chip's own C code.

    On clips: accuracy, precision, recall, F1, ROC-AUC, confusion, thresholds and the clips it got
    wrong. With --stream, on long RECORDINGS and their Audacity label tracks: hits, misses, false
    alarms an hour, latency, and the curve of misses against false accepts an hour. Nothing should
    be heard in a folder's files without a label track; short ones follow each other. -o writes a
    page that plays the worst clips.

    \b
    Examples:
        host evaluate models/fire_alarm -o report.html
        host evaluate kws.tflite --data sounds --sweep thresholds.csv
        host evaluate models/fire_alarm --stream night.wav kitchen.wav
        host evaluate models/fire_alarm --stream evenings -o report.html
    """
    if stream != bool(recordings):
        raise UserError("--stream and recordings go together: --stream night.wav kitchen.wav")
    if stream and (spec or data or dataset or others or sweep):
        raise UserError("--stream goes without --spec, --data, --dataset, --others and --sweep")
    if not stream and (labels or no_labels or late is not None):
        raise UserError("--labels, --no-labels and --late go with --stream")
    file = models.find(model)
    ear = models.Ear(file)
    result: clips.ClipScores | streams.StreamResult
    figures: ClipFigures | StreamFigures
    page: ClipFigures | StreamFigures
    problems: list[str] = []
    if stream:
        result = _stream(file, ear, recordings, labels, no_labels, early, late, scheduler)
        page = figures = streams.summary(result)
        where = f"{figures.recordings} recordings"
    else:
        with bars() as progress:
            found, problems, where = chosen_sounds(
                file, ear.labels, spec, data, dataset, chosen, progress
            )
            result = clips.judge(ear, found, others, lambda s: progress("clips", s), scheduler)
        figures = clips.summary(result)
        if sweep:
            write_text(sweep, clips.sweep_csv(result))
        page = figures
        if out:
            sounds = result.sounds
            audio = replay.sounds_of(figures.wrong, lambda clip: sounds[clip].read())
            page = dataclasses.replace(figures, audio=audio, wrong=replay.nameable(figures.wrong))
    problems = problems + result.problems
    name, digest = ear.network.name, ear.network.digest
    if out:
        write_text(out, evaluation_page(name, digest, [evaluation_section(page)]))
    for line in [*problems, *result.notes]:
        click.echo(shown(line), err=True)
    if as_json:
        head = {"model": str(file.tflite), "name": name, "hash": digest, "data": where}
        click.echo(json.dumps({**head, **figures.to_json()}))
    else:
        console = Console()
        written = [f"{what}: {f}" for what, f in (("thresholds", sweep), ("report", out)) if f]
        click.echo(shown(f"{name} {digest}, {where}"))
        if isinstance(figures, StreamFigures):
            tables.print_stream(console, figures)
        else:
            tables.print_clips(console, figures)
        for line in written:
            click.echo(shown(line))
    sys.exit(int(bool(problems)))


def _stream(
    file: models.ModelFile,
    ear: models.Ear,
    recordings: Sequence[Path],
    labels: Path | None,
    no_labels: bool,
    early: float,
    late: float | None,
    scheduler: str | None,
) -> streams.StreamResult:
    if labels and (no_labels or len(recordings) > 1 or recordings[0].is_dir()):
        raise UserError("--labels is for one recording, and goes without --no-labels")
    found: list[Source] = []
    for path in recordings:
        if path.is_dir():
            found += sources([path])
            continue
        track = None if no_labels else labels or track_beside(path)
        if track is not None and not track.exists():
            raise UserError(
                f"{path}: no label track {track}: export it from Audacity, or say --no-labels if "
                "nothing in it should be heard"
            )
        found.append(Source((path,), track))
    if no_labels:
        found = [dataclasses.replace(source, track=None, labels=()) for source in found]
    late_ms = memory_ms(ear.metadata) if late is None else 1000 * late
    with bars() as progress:
        return streams.judge(
            file.data,
            ear.metadata,
            ear.labels,
            found,
            1000 * early,
            round(late_ms, 3),
            scheduler,
            progress,
        )
