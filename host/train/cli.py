"""`host train`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click
from rich.console import Console

from host.errors import UserError
from host.spec import MAX_SEED, load


@click.command("train")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder; default: the model's own.")
@click.option("--epochs", type=click.IntRange(1, 10000), help="Instead of the spec's.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Instead of the spec's.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
def train_command(
    model: Path, out: Path | None, epochs: int | None, seed: int | None, as_json: bool
) -> None:
    """Train MODEL (a folder with a spec.toml): .tflite, metrics.json and report.html.

    \b
    Example:
        host train models/fire_alarm
    """
    spec = load(model)
    changes = {k: v for k, v in (("epochs", epochs), ("seed", seed)) if v is not None}
    if changes:
        spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, **changes))
    from host.train import train

    folder = out or (model if model.is_dir() else model.parent)
    try:
        metrics = train(spec, folder, Console(stderr=as_json))
    except MemoryError as error:
        raise UserError("not enough memory: fewer clips or windows_a_clip in the spec") from error
    if as_json:
        click.echo(json.dumps(metrics))
