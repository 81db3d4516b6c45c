"""`host boards`: the boards there are, how a microphone is wired, and a check of a board."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

import click

from otolith.deploy.desk_check import STREAM_S, check, model_of, page
from otolith.deploy.wiring import about, drawing, wiring
from otolith.device import Client
from otolith.device.boards import check as check_pins
from otolith.device.boards import load_boards, named, with_options
from otolith.device.transports import SerialTransport, choose_port, described
from otolith.errors import UserError, shown
from otolith.files import write_text
from otolith.paths import MODELS
from otolith.progress import is_quiet

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(invoke_without_command=True)
@JSON
@click.pass_context
def boards(context: click.Context, as_json: bool) -> None:
    """List the boards, with their microphones and what has been proved of each.

    \b
    Examples:
        host boards
        host boards show pico -O microphone=i2s --svg wiring.svg
        host boards check --port /dev/ttyACM0
    """
    if context.invoked_subcommand is not None:
        return
    for board in load_boards():
        told = about(board)
        if as_json:
            click.echo(json.dumps(asdict(told)))
            continue
        click.echo(f"{told.id}: {told.name}")
        click.echo(f"    microphone: {told.microphone}; drivers: {', '.join(told.kinds) or 'none'}")
        click.echo(f"    memory:     {told.memory}")
        click.echo(f"    upload:     {', '.join(told.upload) or 'none'}")
        click.echo(f"    images ran: {told.ran}; on real silicon: {told.silicon}")


@boards.command(
    epilog="""\b
Examples:
  host boards show pico
  host boards show seeed_xiao_rp2040 -O microphone=adc --svg wiring.svg"""
)
@click.argument("name")
@click.option(
    "-O",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="What differs from the board's JSON: microphone=i2s.",
)
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw the wiring to this file."
)
@JSON
def show(name: str, options: tuple[str, ...], svg: Path | None, as_json: bool) -> None:
    """Print all about the board NAME, and the table of its microphone's wires."""
    board = check_pins(with_options(named(name), options))
    told, wires = about(board), wiring(board)
    if svg is not None:
        if not wires:
            raise UserError(f"{board.id}: its microphone is {told.microphone}: nothing to wire")
        write_text(svg, drawing(board))
    if as_json:
        wired = [{"lead": wire.lead, "pin": wire.pin} for wire in wires]
        click.echo(json.dumps({**asdict(told), "wires": wired, "sources": board.sources}))
        return
    click.echo(f"{board.name} ({board.id}), {told.chip}, {told.memory}")
    click.echo(f"microphone: {told.microphone}; the chip has drivers for {', '.join(told.kinds)}")
    click.echo(f"upload: {', '.join(told.upload) or 'none'}")
    click.echo(f"images ran on {told.ran}; on real silicon: {told.silicon}")
    if wires:
        click.echo("\nmicrophone      board")
        for wire in wires:
            click.echo(f"{wire.lead:<14}  {wire.pin}")
    if board.notes:
        click.echo(f"\n{board.notes[0].upper()}{board.notes[1:]}.")
    for source in board.sources:
        click.echo(f"pins from {source}")
    if svg is not None:
        click.echo(f"wrote {shown(svg)}")


@boards.command(
    "check",
    epilog="""\b
Examples:
  host boards check
  host boards check --port /dev/ttyACM0 --out check.json""",
)
@click.option("--port", "-p", help="Serial port. [default: that of the only board attached]")
@click.option(
    "--model",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The .tflite it runs. [default: the one in models/ with the hash that the board tells]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=STREAM_S,
    show_default=True,
    help="How long to listen.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as JSON."
)
@JSON
def check_command(
    port: str | None, model: Path | None, seconds: float, out: Path | None, as_json: bool
) -> None:
    """Check a board that runs one of Otolith's apps, in about 20 seconds.

    It tells firmware, USB, the sample rate by the computer's clock, the noise floor, CPU, whether
    injected sound gives what it gives here, and measured cycles against modelled ones. Keep the
    room quiet meanwhile. The JSON is for the form "I tried a real board".
    """
    name = choose_port(port)
    with contextlib.closing(SerialTransport(name)) as transport:
        client = Client(transport)
        hello = client.hello()
        if model is not None and not model.is_file():
            raise UserError(f"{model}: no such model")
        data = model.read_bytes() if model else model_of(hello.hash, [MODELS])

        def told(line: str) -> None:
            if not as_json and not is_quiet():
                click.echo(f"{line} ...", err=True)

        report = check(client, data, described(name), seconds, told)
    if out is not None:
        write_text(out, json.dumps(report.to_json(), indent=2) + "\n")
    click.echo(json.dumps(report.to_json()) if as_json else page(report))
    if not report.passed:
        raise click.exceptions.Exit(1)
