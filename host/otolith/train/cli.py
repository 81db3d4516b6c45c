"""`host train`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click
from rich.console import Console

from otolith.errors import UserError
from otolith.settings.spec import MAX_SEED, load


@click.command("train")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder; default: the model's own.")
@click.option("--epochs", type=click.IntRange(1, 10000), help="Instead of the spec's.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Instead of the spec's.")
@click.option("--base", help="Instead of the spec's: folder of the trained model to begin with.")
@click.option("--board", default="pico", show_default=True, help="What the network must fit.")
@click.option("--dry-run", "dry", is_flag=True, help="A slice, a minute at most; writes nothing.")
@click.option("--resume", is_flag=True, help="Go on where Ctrl-C or a crash ended training.")
@click.option("--cross-validate", "cross", is_flag=True, help="Each fold or group tests once.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
def train_command(
    model: Path,
    out: Path | None,
    epochs: int | None,
    seed: int | None,
    base: str | None,
    board: str,
    dry: bool,
    resume: bool,
    cross: bool,
    as_json: bool,
) -> None:
    """Train MODEL (a folder with a spec.toml): .tflite, metrics.json and report.html.

    Ctrl-C ends training with the best network so far; --resume goes on from there.

    \b
    Example:
        host train models/fire_alarm
        host train models/fire_alarm --dry-run
        host train models/environment --cross-validate
    """
    if dry and resume:
        raise UserError("--dry-run begins anew: it does not go with --resume")
    spec = load(model)
    given = {"epochs": epochs, "seed": seed, "base": base}
    changes = {key: value for key, value in given.items() if value is not None}
    if changes:
        spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, **changes))
    from otolith.train import How, train
    from otolith.train.cross import cross_validate

    if cross and (dry or resume):
        raise UserError("--cross-validate goes on by itself: no --resume or --dry-run with it")
    folder = out or (model if model.is_dir() else model.parent)
    try:
        console = Console(stderr=as_json)
        how = How(board, resume, dry)
        if cross:
            metrics = cross_validate(
                spec, folder, lambda turn, to: train(turn, to, console, how=how), console
            )
        else:
            metrics = train(spec, folder, console, how=how)
    except MemoryError as error:
        raise UserError("not enough memory: fewer clips or windows_a_clip in the spec") from error
    if as_json:
        click.echo(json.dumps(metrics))
