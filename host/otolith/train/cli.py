"""`host train`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from otolith.errors import UserError
from otolith.farm import scheduler_option
from otolith.settings.spec import MAX_SEED, load


@click.command("train")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder; default: the model's own.")
@click.option("--epochs", type=click.IntRange(1, 10000), help="Replaces the spec's.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Replaces the spec's.")
@click.option("--base", help="Replaces the spec's: folder of the trained model to start from.")
@click.option("--board", help="The network must fit this board.  [default: the spec's, else pico]")
@click.option(
    "--dry-run", "dry", is_flag=True, help="Prove the spec on a slice of the data; writes nothing."
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue after Ctrl-C or a crash, or from the last weights with new clips.",
)
@click.option(
    "--cross-validate",
    "cross",
    is_flag=True,
    help="Train once for each fold or group, which tests.",
)
@click.option(
    "--allow-code",
    is_flag=True,
    help="Run Python code beside the spec, if its architecture is module:function.",
)
@click.option("--convert-base", "convert", is_flag=True, help="Convert MODEL's old .keras file.")
@scheduler_option
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
def train_command(
    model: Path,
    out: Path | None,
    epochs: int | None,
    seed: int | None,
    base: str | None,
    board: str | None,
    dry: bool,
    resume: bool,
    cross: bool,
    allow_code: bool,
    convert: bool,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Train MODEL (a folder with a spec.toml).

    Writes its .tflite, weights, metrics.json and report.html. Ctrl-C ends training and keeps the
    best network so far; --resume continues from there. After a finished training it goes on from
    the last weights, with the clips that `host data review` has filed since.

    \b
    Examples:
        host train models/fire_alarm
        host train models/fire_alarm --dry-run
        host train models/environment --cross-validate
    """
    # Slow to import: a page of help does without.
    from otolith.train.cross import cross_validate
    from otolith.train.run import How, train
    from otolith.train.transfer import convert_old

    if dry and resume:
        raise UserError("--dry-run starts from the beginning: it does not go with --resume")
    folder = model if model.is_dir() else model.parent
    if convert:
        click.echo(f"wrote {convert_old(folder, folder if allow_code else None)}")
        return
    spec = load(model)
    given: dict[str, Any] = {"epochs": epochs, "seed": seed, "base": base}
    changes = {key: value for key, value in given.items() if value is not None}
    if changes:
        spec = dataclasses.replace(spec, train=dataclasses.replace(spec.train, **changes))
    if cross and (dry or resume):
        raise UserError(
            "--cross-validate continues by itself: it does not go with --resume or --dry-run"
        )
    out = out or folder
    try:
        console = Console(stderr=as_json)
        code = folder if allow_code else None
        how = How(board or spec.deploy.board, resume, dry, code, scheduler)
        found: dict[str, Any]
        if cross:
            found = cross_validate(
                spec, out, lambda turn, to: train(turn, to, console, how=how), console
            ).to_json()
        else:
            found = train(spec, out, console, how=how).to_json()
    except MemoryError as error:
        raise UserError("not enough memory: fewer clips or windows_a_clip in the spec") from error
    if as_json:
        click.echo(json.dumps(found))
