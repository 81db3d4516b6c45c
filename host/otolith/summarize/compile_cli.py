"""`host compile` and `host header`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from otolith.compile import analyse_model, read_file
from otolith.compile.cores import OPTIMIZE, PORTABLE, core_named
from otolith.compile.emit import emit
from otolith.compile.header import header as header_text
from otolith.compile.packing import by_products, room_on
from otolith.compile.schedule import schedule
from otolith.compile.several import compile_several
from otolith.compile.tflm import compile_for_tflm
from otolith.device.boards import load_boards, named
from otolith.errors import UserError
from otolith.evaluate.models import trained
from otolith.evaluate.several import models_of
from otolith.files import write_text
from otolith.summarize.fit import too_large
from otolith.summarize.realtime import costs_of, cycles_saved, estimate, not_measured
from otolith.summarize.report import (
    compiled_report,
    layers,
    left_small,
    packed,
    saving,
    several_line,
    several_report,
    tflm_report,
    write,
)

MODEL = click.argument("model", type=click.Path(path_type=Path))


@click.command("compile")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder for C.")
@click.option("--board", help="Say whether the model keeps up with the sound there.")
@click.option("--core", default=PORTABLE, show_default=True, help="Its kernels: m0plus, dsp, ...")
@click.option(
    "--optimize",
    type=click.Choice(OPTIMIZE),
    help="Whether packed weights may be larger than the file's. Default: speed; with --board, "
    "as far as three quarters of its flash have room.",
)
@click.option("--flash", type=click.IntRange(min=0), help="Bytes of flash; default: the board's.")
@click.option(
    "--engine",
    type=click.Choice(["compiled", "tflm"]),
    default="compiled",
    show_default=True,
    help="C without an interpreter, or TensorFlow Lite Micro.",
)
@click.option(
    "--keep-rows",
    "hop",
    type=click.IntRange(min=1),
    metavar="HOP",
    help="The window slides by HOP frames: keep the rows that a hop leaves unchanged. Default: the "
    "hop in the model's metadata, where keeping rows saves at least a tenth of the work.",
)
@click.option("--no-keep-rows", is_flag=True, help="Compute every window whole.")
@click.option("--gate", help="Of several models, the one without which the others hear nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def compile_(
    models: tuple[Path, ...],
    out: Path,
    board: str | None,
    core: str,
    optimize: str | None,
    flash: int | None,
    engine: str,
    hop: int | None,
    no_keep_rows: bool,
    gate: str | None,
    as_json: bool,
) -> None:
    """Compile each of MODELS (an int8 .tflite or its folder) to C for lib/nn.

    Several models share one front end (docs/wake_words.md).

    With --engine tflm, write what lib/nn_tflm gives to TensorFlow Lite Micro: the model as it is,
    and a resolver with its operations.

    \b
    Examples:
        host compile models/fire_alarm -o build/model --core m0plus --board pico
        host compile models/fire_alarm -o build/model --engine tflm
        host compile kws_ref.tflite -o build/kws --keep-rows 2
    """
    if no_keep_rows and hop:
        raise UserError("--keep-rows and --no-keep-rows exclude each other: leave one")
    hop = 0 if no_keep_rows else hop
    found = models_of(models, gate)
    if len(found.files) > 1:
        if engine == "tflm":
            raise UserError("several models need the compiled engine")
        flash = flash if flash is not None else named(board).flash if board else None
        room = None if flash is None or optimize else room_on(flash)
        how = optimize or OPTIMIZE[0]
        compiled = compile_several(found.named, found.gate, core_named(core), how, hop, room)
        told = several_report(compiled)
        write(out, compiled.files, told)
        click.echo(json.dumps(told) if as_json else several_line(told, out))
        return
    model = found.files[0].tflite
    left: list[str] = []
    try:
        data = read_file(model)
        kernels = core_named(core)
        analysis = None
        if board or engine == "compiled":
            analysis = analyse_model(data, model.stem, hop)
        chosen = named(board) if board else None
        expected = None
        if analysis and chosen:
            expected = estimate(analysis, chosen, optimize or OPTIMIZE[0])
        if engine == "tflm":
            network = compile_for_tflm(data, model.stem)
            files, report = network.files, tflm_report(network)
        else:
            assert analysis is not None
            limit = flash if flash is not None else chosen.flash if chosen else None
            room = None if limit is None or optimize else room_on(limit)
            costs = costs_of("rp2040" if kernels == "m0plus" else kernels)
            value = cycles_saved(analysis.network.graph, costs) if costs else by_products
            scheduled = schedule(analysis, kernels, optimize or OPTIMIZE[0], room, value)
            left = left_small(scheduled, value)
            if chosen and too_large(scheduled, chosen):
                smallest = schedule(analysis, kernels, OPTIMIZE[-1])
                problem = too_large(smallest, chosen, load_boards())
                raise UserError(problem or f"fits {chosen.id} only with --optimize {OPTIMIZE[-1]}")
            files, report = emit(scheduled), compiled_report(scheduled)
        write(out, files, report)
    except UserError as error:
        if error.message.startswith(str(model)):
            raise
        raise UserError(f"{model}: {error.message}") from error
    if as_json:
        figures = {"realtime": expected.figures()} if expected else {}
        click.echo(json.dumps({**report, **figures}))
        return
    console = Console()
    console.print(layers(report))
    arena = f"{report['arena']:,} bytes" if "arena" in report else "measured when it is linked"
    console.print(
        f"{report['name']} {report['hash']}: arena {arena}, weights "
        f"{report['weights']:,} bytes{packed(report)}, {report['macs']:,} MACs; C in {out}"
    )
    for line in left:
        click.echo(line)
    if report["stream"]:
        click.echo(saving(report))
    if expected:
        click.echo(expected.line())
    elif chosen and analysis and analysis.pipeline:
        click.echo(not_measured(analysis, chosen))


@click.command()
@MODEL
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Header; default: print it.")
def header(model: Path, out: Path | None) -> None:
    """Write MODEL (a .tflite or its folder) as a C header for TensorFlow Lite Micro, like `xxd -i`.

    \b
    Example:
        host header models/fire_alarm/fire_alarm.tflite -o fire_alarm.h
    """
    model = trained(model).tflite
    text = header_text(read_file(model), model.name)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
