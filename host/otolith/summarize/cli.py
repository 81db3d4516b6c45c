"""`host summarize`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from otolith.compile import read_file, schedule_model
from otolith.device.boards import load_boards
from otolith.errors import UserError
from otolith.errors import shown as shown_text
from otolith.evaluate.models import find
from otolith.evaluate.tables import table
from otolith.summarize.fit import Fit, fit, network_need
from otolith.summarize.network import LayerInfo, layers
from otolith.summarize.realtime import estimate
from otolith.summarize.report import compiled_report

BASIS = {"build": "image", "other build": "about", "network": "network"}


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def summarize(model: Path, as_json: bool) -> None:
    """Show what MODEL (an int8 .tflite or its folder) consists of, and which boards it fits.

    The sizes of weights and arena are exact. The size of the rest of the firmware comes from the
    last build for a board, if there is one.

    \b
    Example:
        host summarize models/fire_alarm
    """
    file = find(model)
    try:
        data = read_file(file.tflite)
        schedule = schedule_model(data, file.tflite.stem)
    except UserError as error:
        raise UserError(
            f"{file.tflite}: {error.message.removeprefix(f'{file.tflite}: ')}"
        ) from error
    analysis, metadata = schedule.analysis, schedule.network.metadata
    report, rows = compiled_report(schedule), layers(analysis)
    need = network_need(schedule)
    fits = [fit(board, report["hash"], need) for board in load_boards()]
    parameters = sum(row.parameters for row in rows)
    if as_json:
        keys = ("name", "hash", "labels", "macs", "weights", "arena", "inputs", "outputs")
        click.echo(
            json.dumps(
                {
                    "model": str(file.tflite),
                    "bytes": len(data),
                    **{key: report[key] for key in keys},
                    "parameters": parameters,
                    "network_ram": need.ram,
                    "layers": [vars(row) for row in rows],
                    "metadata": metadata.to_json() if metadata else None,
                    "boards": [_board(f) for f in fits],
                }
            )
        )
        return
    click.echo(f"{report['name']} {report['hash']} ({file.tflite}, {len(data):,} bytes)")
    _print_layers(rows, report)
    click.echo(
        f"{parameters:,} parameters, {report['macs']:,} MACs; weights {report['weights']:,} bytes "
        f"of flash; arena {report['arena']:,} bytes and window {need.ram - report['arena']:,} "
        "bytes of RAM"
    )
    if metadata is None:
        click.echo("no metadata: any app that fills its input can run it, `inference` can't")
    else:
        _print_metadata(metadata.to_json())
    _print_boards(fits)
    for f in fits:
        expected = estimate(analysis, f.board)
        if expected:
            click.echo(expected.line())


def _board(f: Fit) -> dict:
    return {
        "board": f.board.id,
        "name": f.board.name,
        "flash": {"need": f.need.flash, "have": f.board.flash},
        "ram": {"need": f.need.ram, "have": f.board.ram},
        "basis": f.basis,
        "fits": f.fits,
        "words": f.words(),
    }


def _shape(shape: list[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _print_layers(rows: list[LayerInfo], report: dict) -> None:
    shown = table("layer", "output", "MACs", "parameters", "scale", "zero", "scales")
    for edge in report["inputs"]:
        quantised = (f"{edge['scale']:.6g}", str(edge["zero_point"]))
        shown.add_row("input", _shape(edge["shape"]), "", "", *quantised, "")
    for number, row in enumerate(rows):
        shown.add_row(
            f"{number} {row.operation}",
            _shape(row.output),
            f"{row.macs:,}" if row.macs else "",
            f"{row.parameters:,}" if row.parameters else "",
            f"{row.scale:.6g}",
            str(row.zero_point),
            str(row.channel_scales or ""),
        )
    Console().print(shown)


def _print_metadata(told: dict[str, object]) -> None:
    for key, value in told.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
        click.echo(shown_text(f"{key}: {_plain(value)}"))


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{k} {_plain(v)}" for k, v in value.items()) + ")"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _print_boards(fits: list[Fit]) -> None:
    shown = table("board", "flash", "of", "RAM", "of", "")
    for f in fits:
        sizes = (f.need.flash, f.board.flash, f.need.ram, f.board.ram)
        shown.add_row(f.board.id, *(f"{size:,}" for size in sizes), BASIS[f.basis])
    Console().print(shown)
    for f in fits:
        click.echo(f"{f.board.name}: {f.words()}")
