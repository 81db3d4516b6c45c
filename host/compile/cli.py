"""`host compile` and `host header`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from host.compile import compile_model, read_file
from host.compile.cores import OPTIMIZE, PORTABLE, core_named
from host.compile.header import header as header_text
from host.errors import UserError
from host.files import write_text

MODEL = click.argument("model", type=click.Path(path_type=Path))


@click.command("compile")
@MODEL
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder for C.")
@click.option("--board", help="Say whether the model keeps up with the sound there.")
@click.option("--core", default=PORTABLE, show_default=True, help="Its kernels: m0plus, dsp, ...")
@click.option("--optimize", type=click.Choice(OPTIMIZE), default="speed", show_default=True)
@click.option("--engine", type=click.Choice(["compiled", "tflm"]), default="compiled")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def compile_(
    model: Path,
    out: Path,
    board: str | None,
    core: str,
    optimize: str,
    engine: str,
    as_json: bool,
) -> None:
    """Compile MODEL (an int8 .tflite) to C for lib/nn; with --engine tflm to what lib/nn_tflm gives
    TensorFlow Lite Micro: the model as it is, and a resolver with its operations.

    \b
    Examples:
        host compile models/fire_alarm/fire_alarm.tflite -o build/model --core m0plus --board pico
        host compile models/fire_alarm/fire_alarm.tflite -o build/model --engine tflm
    """
    from host.summarize.realtime import of_file

    try:
        data = read_file(model)
        expected = of_file(data, model.stem, board) if board else None
        report = compile_model(data, out, model.stem, core_named(core), optimize, engine)
    except UserError as error:
        if error.message.startswith(str(model)):
            raise
        raise UserError(f"{model}: {error.message}") from error
    if as_json:
        found = {"realtime": expected.figures()} if expected else {}
        click.echo(json.dumps({**report, **found}))
        return
    table = Table("operation", "output", "MACs")
    for step in report["operations"]:
        table.add_row(step["name"], "x".join(map(str, step["output"])), f"{step['macs']:,}")
    console = Console()
    console.print(table)
    arena = f"{report['arena']:,} bytes" if "arena" in report else "measured when it is linked"
    console.print(
        f"{report['name']} {report['hash']}: arena {arena}, weights "
        f"{report['weights']:,} bytes, {report['macs']:,} MACs; C in {out}"
    )
    if expected:
        click.echo(expected.line())


@click.command()
@MODEL
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Header; default: print it.")
def header(model: Path, out: Path | None) -> None:
    """Write MODEL as a C header, like `xxd -i`, for TensorFlow Lite Micro.

    \b
    Example:
        host header models/fire_alarm/fire_alarm.tflite -o fire_alarm.h
    """
    text = header_text(read_file(model), model.name)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
