"""`host compile` and `host header`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from otolith.compile import compile_model, read_file
from otolith.compile.cores import OPTIMIZE, PORTABLE, core_named, optimize_for
from otolith.compile.header import header as header_text
from otolith.errors import UserError
from otolith.files import write_text

MODEL = click.argument("model", type=click.Path(path_type=Path))


@click.command("compile")
@MODEL
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder for C.")
@click.option("--board", help="Say whether the model keeps up with the sound there.")
@click.option("--core", default=PORTABLE, show_default=True, help="Its kernels: m0plus, dsp, ...")
@click.option(
    "--optimize",
    type=click.Choice(OPTIMIZE),
    help="May packed weights be larger than the file's? Default: speed; with --board, where they "
    "would fill its flash, size.",
)
@click.option("--engine", type=click.Choice(["compiled", "tflm"]), default="compiled")
@click.option(
    "--keep-rows",
    "hop",
    type=click.IntRange(min=1),
    metavar="HOP",
    help="The window slides by HOP frames: keep the rows that a hop leaves unchanged. Default: the "
    "hop in the model's metadata, where keeping rows saves at least a tenth of the work.",
)
@click.option("--no-keep-rows", is_flag=True, help="Compute every window whole.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def compile_(
    model: Path,
    out: Path,
    board: str | None,
    core: str,
    optimize: str | None,
    engine: str,
    hop: int | None,
    no_keep_rows: bool,
    as_json: bool,
) -> None:
    """Compile MODEL (an int8 .tflite) to C for lib/nn; with --engine tflm to what lib/nn_tflm gives
    TensorFlow Lite Micro: the model as it is, and a resolver with its operations.

    \b
    Examples:
        host compile models/fire_alarm/fire_alarm.tflite -o build/model --core m0plus --board pico
        host compile models/fire_alarm/fire_alarm.tflite -o build/model --engine tflm
        host compile kws_ref.tflite -o build/kws --keep-rows 2
    """
    from otolith.device.boards import named
    from otolith.summarize.realtime import of_file

    if no_keep_rows and hop:
        raise UserError("--keep-rows and --no-keep-rows exclude each other: leave one")
    hop = 0 if no_keep_rows else hop
    try:
        data = read_file(model)
        expected = of_file(data, model.stem, board, hop) if board else None
        if optimize is None:
            optimize = optimize_for(named(board).flash, len(data)) if board else OPTIMIZE[0]
        report = compile_model(data, out, model.stem, core_named(core), optimize, hop, engine)
    except UserError as error:
        if error.message.startswith(str(model)):
            raise
        raise UserError(f"{model}: {error.message}") from error
    if as_json:
        found = {"realtime": expected.figures()} if expected else {}
        click.echo(json.dumps({**report, **found}))
        return
    console = Console()
    console.print(_layers(report))
    arena = f"{report['arena']:,} bytes" if "arena" in report else "measured when it is linked"
    console.print(
        f"{report['name']} {report['hash']}: arena {arena}, weights "
        f"{report['weights']:,} bytes{_growth(report)}, {report['macs']:,} MACs; C in {out}"
    )
    if report["stream"]:
        click.echo(_streaming(report))
    if expected:
        click.echo(expected.line())


def _growth(report: dict) -> str:
    """What packing costs."""
    given = report.get("weights_in_file")
    if not given or report["core"] == PORTABLE:
        return ""
    return f" ({given:,} in the file, packed for {report['optimize']})"


def _layers(report: dict) -> Table:
    """The operations; of a window that slides, also what a hop does of each."""
    table = Table("operation", "output", "MACs")
    hops = report["stream"]["operations"] if report["stream"] else []
    for column in ("a hop", "rows", "kept", "from hops ago") if hops else ():
        table.add_column(column)
    for number, step in enumerate(report["operations"]):
        cells = [step["name"], "x".join(map(str, step["output"])), f"{step['macs']:,}"]
        if hops:
            hop = hops[number]
            cells += [f"{hop['macs']:,}", f"{hop['computed']} of {hop['rows']}"]
            cells += [f"{hop['kept']:,}", str(hop["phases"])] if hop["kept"] else []
        table.add_row(*cells)
    return table


def _streaming(report: dict) -> str:
    """What a hop saves, or that it can't."""
    hop = report["stream"]
    if not hop["kept"]:
        return f"no row outlasts a hop of {hop['hop']} frames: every hop is a full pass"
    part = f"{hop['macs'] / report['macs']:.1%} of" if report["macs"] else "of"
    first = f"the first {hop['history']} hops are" if hop["history"] > 1 else "the first hop is"
    return (
        f"a hop of {hop['hop']} frames: {hop['macs']:,} MACs, {part} the full pass; "
        f"{hop['kept']:,} bytes of the arena keep rows; {first} computed whole"
    )


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
