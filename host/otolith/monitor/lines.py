"""What a board says, a line each: for pipes, logs and people."""

from __future__ import annotations

import json
import math
import sys

import click

from otolith.device.client import Message
from otolith.device.frames import Frame

_NUMBERS = (
    *("t_ms", "score", "count", "level", "hop", "cpu", "feature_us", "infer_us"),
    *("overruns", "dropped", "stack"),
)
_NEEDED = {"detect": ("t_ms", "label", "score"), "scores": ("smoothed",)}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def makes_sense(message: dict) -> bool:
    """Whether what is shown of a line is of the kind that boards send."""
    return (
        all(_is_number(message[key]) for key in _NUMBERS if key in message)
        and all(key in message for key in _NEEDED.get(message["event"], ()))
        and isinstance(message.get("label", ""), str)
        and all(isinstance(label, str) for label in _list(message.get("labels", [])))
        and all(_is_number(score) for score in _list(message.get("smoothed", [])))
    )


def _list(value: object) -> list:
    return value if isinstance(value, list) else [None]


def describe(message: dict) -> str | None:
    """One plain line for a message worth telling, else None."""
    event = message["event"]
    if event == "hello":
        model = message.get("model")
        runs = f", model {model} ({message.get('hash')})" if model else ""
        return (
            f"{message.get('board')} {message.get('serial')} runs {message.get('app')} "
            f"{message.get('version')}{runs}"
        )
    if event == "detect":
        return f"{message['t_ms'] / 1000:10.3f} s  {message['label']}  score {message['score']:.3f}"
    if event == "gap":
        return f"{message['t_ms'] / 1000:10.3f} s  {message['count']} {message['of']} missing"
    if event in ("fault", "error"):
        return f"{event}: {message.get('reason')}"
    return None


class Lines:
    """Prints as it comes: what is worth telling, or (`as_json`) every line."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def take(self, message: Message) -> None:
        """Print `message`."""
        if isinstance(message, Frame):
            return
        line = json.dumps(message) if self._as_json else describe(message)
        if line:
            click.echo(line)
            sys.stdout.flush()


class Summary:
    """What a session came to, in a line."""

    def __init__(self) -> None:
        self._stats: dict = {}
        self._heard: dict[str, int] = {}

    def take(self, message: Message) -> None:
        """Count `message`."""
        if isinstance(message, Frame):
            return
        if message["event"] == "stats":
            self._stats = message
        elif message["event"] == "detect":
            label = message["label"]
            self._heard[label] = self._heard.get(label, 0) + 1

    def line(self, seconds: float) -> str:
        """For the end of a session of so many seconds."""
        heard = ", ".join(f"{label} {count}" for label, count in self._heard.items())
        text = f"{seconds:.1f} s, detected: {heard or 'nothing'}"
        return f"{text}; {load(self._stats)}" if self._stats else text


def load(stats: dict) -> str:
    """The figures of a stats line; those that a board does not send are left out."""
    milliseconds = [
        f"{name} {stats[key] / 1000:.1f} ms"
        for name, key in (("features", "feature_us"), ("network", "infer_us"))
        if key in stats
    ]
    parts = [f"a hop: {', '.join(milliseconds)}"] if milliseconds else []
    if "cpu" in stats:
        parts.append(f"CPU {stats['cpu']:.0%}")
    parts += [
        f"{name} {stats[name]}{unit}"
        for name, unit in (("overruns", ""), ("dropped", ""), ("stack", " bytes"))
        if name in stats
    ]
    return ", ".join(parts)
