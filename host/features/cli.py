"""`host features`: a folder of sounds -> features in one file."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from host.errors import UserError
from host.features import extract_files
from host.files import replacing
from host.spec import Features

SOUNDS = (".wav", ".flac", ".ogg")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help=".npz file.")
@click.option("--compress", type=click.Choice(["linear", "log2"]), default="log2")
@click.option("--resample", is_flag=True, help="Take any rate and channel count.")
@click.option("--workers", type=click.IntRange(1, 256), help="Threads; default: one a core.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def features(
    folder: Path, out: Path, compress: str, resample: bool, workers: int | None, as_json: bool
) -> None:
    """Compute the spectrogram of every sound below FOLDER, as the chip does, in parallel.

    OUT gets one int16 array (frames, bands) a file, named by its path below FOLDER.

    \b
    Example:
        host features dataset/fire_alarm -o features.npz
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SOUNDS)
    if not files:
        raise UserError(f"{folder}: no {', '.join(SOUNDS)} files in it")
    shape = Features(compress=compress)
    settings = {**vars(shape), "bands": shape.bands}
    start = time.monotonic()
    with Progress(console=Console(stderr=as_json)) as bar:
        task = bar.add_task("features", total=len(files))
        rows = list(
            extract_files(
                files, settings, workers, resample, lambda done: bar.update(task, completed=done)
            )
        )
    names = [str(f.relative_to(folder)) for f in files]
    with replacing(out) as temporary, open(temporary, "wb") as target:
        np.savez_compressed(target, **dict(zip(names, rows, strict=True)))
    frames = sum(len(row) for row in rows)
    seconds = time.monotonic() - start
    if as_json:
        click.echo(json.dumps({"files": len(files), "frames": frames, "seconds": seconds}))
    else:
        click.echo(f"{len(files)} files, {frames:,} frames of {shape.bands} bands -> {out}")
