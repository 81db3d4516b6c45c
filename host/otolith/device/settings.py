"""`host device get` and `set`: how a board that listens decides."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import click

from otolith.device.client import GAIN, Client
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


def _json_of(each: dict[str, InForce]) -> dict[str, object]:
    """Thresholds are in the order of a model's classes."""
    return {
        name: {**of.values, "thresholds": list(of.thresholds.values())} for name, of in each.items()
    }


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise UserError(f"{name} = {value}: must be a whole number of dB") from error


def _show_all(client: Client, as_json: bool) -> None:
    """The settings in force: of the decision layer, if the board decides, and of the microphone."""
    hello = client.ask_hello()
    told: dict[str, object] = {}
    lines: list[str] = []
    if hello.models:
        each = client.settings_of_each()
        told["models"] = _json_of(each)
        for name, settings in each.items():
            for key, value in settings.values.items():
                lines.append(f"{shown(name)}.detect.{shown(key)} = {shown(_word(value))}")
            thresholds = ", ".join(map(_word, settings.thresholds.values()))
            lines.append(f"{shown(name)}.detect.thresholds = {thresholds}")
    elif hello.labels is not None or hello.gain_db is None:
        settings = client.settings()
        told["detect"] = settings.to_json()
        for name, value in settings.values.items():
            lines.append(f"detect.{shown(name)} = {shown(_word(value))}")
        for label, threshold in settings.thresholds.items():
            lines.append(f"detect.threshold.{shown(label)} = {_word(threshold)}")
    if hello.gain_db is not None:
        told["microphone"] = {"kind": hello.microphone, "gain_db": hello.gain_db}
        lines.append(f"{GAIN} = {hello.gain_db}")
    click.echo(json.dumps(told) if as_json else "\n".join(lines))


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
        _show_all(client, as_json)


@device.command(
    "set",
    epilog="""\b
Examples:
  host device set detect.threshold=0.8 detect.gate=300
  host device set detect.threshold.fire_alarm=0.9 detect.average_ms=500 -p /dev/ttyACM0
  host device set microphone.gain_db=12""",
)
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE...")
@PORT
@JSON
def set_(assignments: tuple[str, ...], port: str | None, as_json: bool) -> None:
    """Change settings, in the order given, and show those then in force.

    They last until the board starts again. A name is "detect." and a key of [detect] in a
    spec.toml. detect.threshold sets the threshold of every class that has one,
    detect.threshold.LABEL that of one class. On a board with several networks, a name begins with
    that of the network: okay_nabu.detect.threshold. microphone.gain_db is the microphone's gain.
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
                if name.strip() == GAIN:
                    client.microphone(_whole(GAIN, value.strip()))
                elif several:
                    client.set_of(name.strip(), value.strip())
                else:
                    client.set(name.strip(), value.strip())
            except UserError as error:
                before = f" ({', '.join(done)} done before)" if done else ""
                raise UserError(f"{error.message}{before}") from error
            done.append(assignment)
        _show_all(client, as_json)
