"""`host export`."""

from __future__ import annotations

from pathlib import Path

import click

from otolith.compile.cores import PORTABLE
from otolith.device.boards import named
from otolith.errors import UserError, shown
from otolith.evaluate.models import trained
from otolith.export.bundle import bundle, read_model
from otolith.export.make import files_for, write
from otolith.export.targets.registry import TARGETS


@click.command("export")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--for", "target", required=True, help=f"Build system: {', '.join(TARGETS)}.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder or .zip.")
@click.option(
    "--prefix",
    default="otolith",
    show_default=True,
    help="Begins all names of files and symbols: two models in one program need two.",
)
@click.option("--board", help="Use the kernels of this board's core.")
@click.option("--core", help=f"Use this core's kernels: m0plus, dsp, ...  [default: {PORTABLE}]")
@click.option("--replace", is_flag=True, help="Replace an earlier export in that folder.")
def export(
    model: Path,
    target: str,
    out: Path | None,
    prefix: str,
    board: str | None,
    core: str | None,
    replace: bool,
) -> None:
    """Write MODEL as C that stands alone, for firmware of your own.

    The folder holds the network, its front end and its decisions, one header and an example.

    \b
    Examples:
        host export models/fire_alarm --for arduino -o FireAlarm
        host export models/keyword --for cmake --board pico --prefix keyword
    """
    if board and core:
        raise UserError("--board and --core exclude each other: leave one")
    cpu = named(board).cpu if board else core or PORTABLE
    file = trained(model).tflite
    try:
        made = bundle(read_model(file), file.stem, prefix, cpu)
    except UserError as error:
        where = "" if error.message.startswith(str(file)) else f"{shown(file)}: "
        raise UserError(f"{where}{error.message}") from error
    files = files_for(target, made)
    out = out or Path(f"{prefix}-{target}")
    write(files, out, replace)
    schedule = made.compiled.schedule
    click.echo(
        f"{shown(out)}: {made.name} for {target}, {made.core} kernels, {len(made.sources)} files, "
        f"header {made.header}; arena {schedule.arena:,} bytes, weights {schedule.weights:,} bytes"
    )
