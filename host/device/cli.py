"""`host monitor`: what a board hears, live."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import deque
from collections.abc import Iterator

import click

from host.device.client import Client
from host.device.transports import SerialTransport, choose_port

_BAR = 30  # characters


def _describe(message: dict) -> str | None:
    """One plain line for a message worth telling, else None."""
    event = message["event"]
    if event == "hello":
        return (
            f"{message.get('board')} {message.get('serial')} runs {message.get('app')} "
            f"{message.get('version')}, model {message.get('model')} ({message.get('hash')})"
        )
    if event == "detect":
        return f"{message['t_ms'] / 1000:10.3f} s  {message['label']}  score {message['score']:.3f}"
    if event in ("fault", "error"):
        return f"{event}: {message.get('reason')}"
    return None


class _Screen:
    """What is shown live on a terminal."""

    def __init__(self, hello: dict) -> None:
        self.hello = hello
        self.scores: list[int] = [0] * len(hello.get("labels", []))
        self.stats: dict = {}
        self.log: deque[str] = deque(maxlen=10)

    def take(self, message: dict) -> None:
        if message["event"] == "scores":
            self.scores = message["smoothed"]
        elif message["event"] == "stats":
            self.stats = message
        elif line := _describe(message):
            self.log.append(line)

    def __rich__(self):
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for label, score in zip(self.hello.get("labels", []), self.scores, strict=False):
            share = score / 32767
            bar = "█" * round(share * _BAR)
            table.add_row(Text(label), Text(f"{share:5.3f}"), Text(bar, style="green"))
        stats = self.stats
        line = (
            f"cpu {stats['cpu']:.0%}  features {stats['feature_us'] / 1000:.1f} ms  "
            f"network {stats['infer_us'] / 1000:.1f} ms  overruns {stats['overruns']}  "
            f"level {stats['level']}"
            if stats
            else ""
        )
        return Group(
            Text(_describe(self.hello) or "", style="bold"),
            table,
            Text(line, style="dim"),
            *[Text(entry) for entry in self.log],
        )


def _messages(client: Client, seconds: float | None) -> Iterator[dict]:
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        for message in client.lines(timeout_ms=100):
            if isinstance(message, dict):
                yield message
            if end is not None and time.monotonic() >= end:
                return


def _show_live(client: Client, hello: dict, seconds: float | None) -> None:
    from rich.live import Live

    screen = _Screen(hello)
    client.command("scores on")
    try:
        with Live(screen, refresh_per_second=10):
            for message in _messages(client, seconds):
                screen.take(message)
    finally:
        client.send_line("scores off")


def _print_lines(client: Client, hello: dict, seconds: float | None, as_json: bool) -> None:
    def tell(message: dict) -> None:
        line = json.dumps(message) if as_json else _describe(message)
        if line:
            click.echo(line)
            sys.stdout.flush()

    tell(hello)
    for message in _messages(client, seconds):
        tell(message)


@click.command(
    epilog="""\b
Example:
  host monitor --port /dev/ttyACM0
  host monitor --json --seconds 60 > heard.jsonl"""
)
@click.option(
    "--port", "-p", help="Serial port; found by its USB ids when only one board is there."
)
@click.option("--json", "as_json", is_flag=True, help="Every line of the board as it is.")
@click.option("--plain", is_flag=True, help="One line a detection, no live display.")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so long.")
def monitor(port: str | None, as_json: bool, plain: bool, seconds: float | None) -> None:
    """Show what a board detects, live, until Ctrl-C."""
    with contextlib.closing(SerialTransport(choose_port(port))) as transport:
        client = Client(transport)
        with contextlib.suppress(KeyboardInterrupt):
            hello = client.hello()
            if as_json or plain or not sys.stdout.isatty() or hello.get("app") != "inference":
                _print_lines(client, hello, seconds, as_json)
            else:
                _show_live(client, hello, seconds)
