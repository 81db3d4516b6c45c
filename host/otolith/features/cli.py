"""`host features`: computes the features of a folder of sounds into one file."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from otolith.audio import SOUNDS
from otolith.errors import UserError, shown
from otolith.farm import scheduler_option
from otolith.features import extract_files, min_max
from otolith.files import replacing
from otolith.places import PLACE
from otolith.progress import is_quiet
from otolith.settings.features import COMPRESS, FrontEnd, front_end, preset
from otolith.settings.front_ends.presets import PRESETS
from otolith.settings.spec import load


@click.command()
@click.argument("folder", type=PLACE)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help=".npz file.")
@click.option("--compress", type=click.Choice(list(COMPRESS)), help="Default: the front end's.")
@click.option("--preset", "name", type=click.Choice(list(PRESETS)), help="Default: spectrogram.")
@click.option("--spec", "spec", type=click.Path(path_type=Path), help="Use a model's [features].")
@click.option("--min-max", "show", is_flag=True, help="Print minimum and maximum of each band.")
@click.option("--resample", is_flag=True, help="Accept any sample rate and channel count.")
@click.option("--workers", type=click.IntRange(1, 256), help="Threads; default: one per core.")
@scheduler_option
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def features(
    folder: Path,
    out: Path,
    compress: str | None,
    name: str | None,
    spec: Path | None,
    show: bool,
    resample: bool,
    workers: int | None,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Compute the features of every sound below FOLDER, as the chip does, in parallel.

    The front end is a spectrogram, a preset or that of a model. OUT gets one int16 array of shape
    (frames, bands) per sound, named by the path below FOLDER. --min-max needs --compress linear
    and prints the limits that compress = "minmax" needs in a spec.

    \b
    Examples:
        host features dataset/fire_alarm -o features.npz
        host features dataset -o mfcc.npz --preset keyword --compress linear --min-max
    """
    if not folder.is_dir():
        wrong = "is a file: name the folder it is in" if folder.exists() else "no such folder"
        raise UserError(f"{shown(folder)}: {wrong}")
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SOUNDS)
    if not files:
        raise UserError(f"{folder}: no sound files in it")
    settings = _front_end(name, spec, compress)
    if show and settings.compress != "linear":
        raise UserError("--min-max needs uncompressed values: add --compress linear")
    start = time.monotonic()
    with Progress(console=Console(stderr=as_json, quiet=is_quiet())) as bar:
        task = bar.add_task("features", total=len(files))
        rows = list(
            extract_files(
                files,
                settings,
                workers,
                resample,
                lambda done: bar.update(task, completed=done),
                scheduler,
            )
        )
    names = [str(f.relative_to(folder)) for f in files]
    arrays: dict[str, Any] = dict(zip(names, rows, strict=True))
    with replacing(out) as temporary, open(temporary, "wb") as target:
        np.savez_compressed(target, **arrays)
    frames = sum(len(row) for row in rows)
    seconds = time.monotonic() - start
    if as_json:
        found: dict[str, Any] = {"files": len(files), "frames": frames, "seconds": seconds}
        if show:
            found["minimum"], found["maximum"] = min_max(rows)
        click.echo(json.dumps(found))
        return
    click.echo(f"{len(files)} files, {frames:,} frames of {settings.bands} bands -> {out}")
    if show:
        for key, values in zip(("minimum", "maximum"), min_max(rows), strict=True):
            click.echo(f"{key} = {values}")


def _front_end(name: str | None, spec: Path | None, compress: str | None) -> FrontEnd:
    """The front end that the options select."""
    if name is not None and spec is not None:
        raise UserError("--preset or --spec, not both")
    change = {} if compress is None else {"compress": compress}
    if spec is not None:
        return dataclasses.replace(load(spec).features, **change)  # type: ignore[arg-type]
    if name is not None:
        return preset(name, **change)
    return front_end(**change)
