"""Collects messages from a board."""

from __future__ import annotations

from otolith.device import Client, Line


def messages(client: Client, ms: float) -> list:
    """All messages that arrive within `ms`."""
    end = client.transport.time_ms() + ms
    found = []
    while (left := end - client.transport.time_ms()) > 0:
        for message in client.lines(left):
            found.append(message)
            break
    return found


def events(found: list, name: str) -> list[dict]:
    """The messages of one event type."""
    return [m for m in found if isinstance(m, Line) and m["event"] == name]
