"""What a board says, one line each: for pipes, logs and people."""

from __future__ import annotations

import json
import sys

import click

from otolith.device.client import Message
from otolith.device.frames import Frame
from otolith.device.records import Detect, ErrorLine, Fault, Gap, Hello, Line, Stats, Unclear
from otolith.errors import shown


def describe(message: Line) -> str | None:
    """Describe a message in one plain line.

    Returns:
        A line for the terminal, or None for a message that people need not see.
    """
    if isinstance(message, Hello):
        runs = f", model {message.model} ({message.hash})" if message.model else ""
        if message.models:
            runs = f", models {', '.join(message.models)}"
        text = f"{message.board} {message.serial} runs {message.app} {message.version}{runs}"
    elif isinstance(message, Detect):
        text = f"{message.t_ms / 1000:10.3f} s  {message.label}  score {message.score:.3f}"
        text += f"  {message.model}" if message.model else ""
    elif isinstance(message, Gap):
        text = f"{message.t_ms / 1000:10.3f} s  {message.count} {message.of} missing"
    elif isinstance(message, (Fault, ErrorLine, Unclear)):
        text = f"{message.event}: {message.reason}"
    else:
        return None
    return shown(text)


class Lines:
    """Prints lines as they come: those for people, or every one as JSON (`as_json`)."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def take(self, message: Message) -> None:
        """Print `message`."""
        if isinstance(message, Frame):
            return
        line = json.dumps(message.told) if self._as_json else describe(message)
        if line:
            click.echo(line)
            sys.stdout.flush()


class Summary:
    """Counts what a session heard, for one line at its end."""

    def __init__(self) -> None:
        self._stats: Stats | None = None
        self._heard: dict[str, int] = {}

    def take(self, message: Message) -> None:
        """Count `message`."""
        if isinstance(message, Stats):
            self._stats = message
        elif isinstance(message, Detect):
            self._heard[message.label] = self._heard.get(message.label, 0) + 1

    def line(self, seconds: float) -> str:
        """The line for the end of a session of so many seconds."""
        heard = ", ".join(f"{label} {count}" for label, count in self._heard.items())
        text = f"{seconds:.1f} s, detected: {shown(heard) or 'nothing'}"
        return f"{text}; {load(self._stats)}" if self._stats else text


def load(stats: Stats | None) -> str:
    """The figures of a `stats` line, without those that the board does not send."""
    if stats is None:
        return ""
    milliseconds = [
        f"{name} {value / 1000:.1f} ms"
        for name, value in (("features", stats.feature_us), ("network", stats.infer_us))
        if value is not None
    ]
    parts = [f"a hop: {', '.join(milliseconds)}"] if milliseconds else []
    if stats.cpu is not None:
        parts.append(f"CPU {stats.cpu:.0%}")
    parts += [
        f"{name} {value}{unit}"
        for name, value, unit in (
            ("overruns", stats.overruns, ""),
            ("dropped", stats.dropped, ""),
            ("stack", stats.stack, " bytes"),
        )
        if value is not None
    ]
    return ", ".join(parts)
