"""`host device get` and `set`: how a board that listens decides."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import click

from otolith.device.client import Client
from otolith.device.transports import SerialTransport, choose_port
from otolith.errors import UserError, shown
from otolith.settings.detect import InForce

PORT = click.option("--port", "-p", help="Serial port. [default: that of the only board attached]")
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print the settings as one JSON object."
)


@click.group()
def device() -> None:
    """Show or change how a board decides, while it runs.

    \b
    Examples:
        host device get
        host device set detect.threshold=0.8
    """


@contextlib.contextmanager
def _client(port: str | None) -> Iterator[Client]:
    with contextlib.closing(SerialTransport(choose_port(port))) as transport:
        client = Client(transport)
        client.hello()
        yield client


def _word(value: object) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else f"{value}"


def _show(settings: InForce, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"detect": settings.to_json()}))
        return
    for name, value in settings.values.items():
        click.echo(f"detect.{shown(name)} = {shown(_word(value))}")
    for label, threshold in settings.thresholds.items():
        click.echo(f"detect.threshold.{shown(label)} = {_word(threshold)}")


def _show_each(each: dict[str, InForce], as_json: bool) -> None:
    """As _show(), of several networks. Thresholds are in the order of a model's classes."""
    if as_json:
        told = {
            name: {**of.values, "thresholds": list(of.thresholds.values())}
            for name, of in each.items()
        }
        click.echo(json.dumps({"models": told}))
        return
    for name, settings in each.items():
        for key, value in settings.values.items():
            click.echo(f"{shown(name)}.detect.{shown(key)} = {shown(_word(value))}")
        thresholds = ", ".join(map(_word, settings.thresholds.values()))
        click.echo(f"{shown(name)}.detect.thresholds = {thresholds}")


@device.command(
    epilog="""\b
Example:
  host device get --port /dev/ttyACM0"""
)
@PORT
@JSON
def get(port: str | None, as_json: bool) -> None:
    """Show the settings in force."""
    with _client(port) as client:
        if client.ask_hello().models:
            _show_each(client.settings_of_each(), as_json)
        else:
            _show(client.settings(), as_json)


@device.command(
    "set",
    epilog="""\b
Examples:
  host device set detect.threshold=0.8 detect.gate=300
  host device set detect.threshold.fire_alarm=0.9 detect.average_ms=500 -p /dev/ttyACM0""",
)
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE...")
@PORT
@JSON
def set_(assignments: tuple[str, ...], port: str | None, as_json: bool) -> None:
    """Change settings, in the order given, and show those then in force.

    They last until the board starts again. A name is "detect." and a key of [detect] in a
    spec.toml. detect.threshold sets the threshold of every class that has one,
    detect.threshold.LABEL that of one class. On a board with several networks, a name begins with
    that of the network: okay_nabu.detect.threshold.
    """
    pairs = [assignment.rpartition("=") for assignment in assignments]  # labels may hold a "="
    for assignment, (name, equals, _) in zip(assignments, pairs, strict=True):
        if not equals or not name:
            raise UserError(f"{assignment}: must be NAME=VALUE, such as detect.threshold=0.8")
    with _client(port) as client:
        done: list[str] = []
        several = bool(client.ask_hello().models)
        for assignment, (name, _, value) in zip(assignments, pairs, strict=True):
            try:
                if several:
                    each = client.set_of(name.strip(), value.strip())
                else:
                    settings = client.set(name.strip(), value.strip())
            except UserError as error:
                before = f" ({', '.join(done)} done before)" if done else ""
                raise UserError(f"{error.message}{before}") from error
            done.append(assignment)
        if several:
            _show_each(each, as_json)
        else:
            _show(settings, as_json)
