"""`host device get` and `set`: the decision layer's settings of a board that listens."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import click

from otolith.device.client import Client
from otolith.device.transports import SerialTransport, choose_port
from otolith.errors import UserError

PORT = click.option(
    "--port", "-p", help="Serial port; found by its USB ids when only one board is there."
)
JSON = click.option("--json", "as_json", is_flag=True, help="The settings as one JSON object.")


@click.group()
def device() -> None:
    """Ask a board, or change how it decides, while it runs."""


@contextlib.contextmanager
def _client(port: str | None) -> Iterator[Client]:
    with contextlib.closing(SerialTransport(choose_port(port))) as transport:
        client = Client(transport)
        client.hello()
        yield client


def _word(value: object) -> str:
    return ("off", "on")[value] if isinstance(value, bool) else f"{value}"


def _show(settings: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"detect": settings}))
        return
    for name, value in settings.items():
        if name != "thresholds":
            click.echo(f"detect.{name} = {_word(value)}")
    for label, value in settings["thresholds"].items():
        click.echo(f"detect.threshold.{label} = {_word(value)}")


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
        _show(client.settings(), as_json)


@device.command(
    "set",
    epilog="""\b
Example:
  host device set detect.threshold=0.8 detect.gate=300
  host device set detect.threshold.fire_alarm=0.9 detect.average_ms=500 -p /dev/ttyACM0""",
)
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE...")
@PORT
@JSON
def set_(assignments: tuple[str, ...], port: str | None, as_json: bool) -> None:
    """Change settings, in this order, until the board starts again; shows those then in force.

    Names are those of [detect] in a spec.toml, with "detect." before them; detect.threshold is that
    of every class that has one, detect.threshold.LABEL of one.
    """
    pairs = [assignment.rpartition("=") for assignment in assignments]  # labels may hold a "="
    for assignment, (name, equals, _) in zip(assignments, pairs, strict=True):
        if not equals or not name:
            raise UserError(f"{assignment}: must be NAME=VALUE, such as detect.threshold=0.8")
    with _client(port) as client:
        done: list[str] = []
        for assignment, (name, _, value) in zip(assignments, pairs, strict=True):
            try:
                settings = client.set(name.strip(), value.strip())
            except UserError as error:
                before = f" ({', '.join(done)} done before)" if done else ""
                raise UserError(f"{error.message}{before}") from error
            done.append(assignment)
        _show(settings, as_json)
