"""What a board said, for tests that ask."""

from __future__ import annotations

from otolith.device import Client, Line


def messages(client: Client, ms: float) -> list:
    """Everything that comes within `ms`."""
    end = client.transport.time_ms() + ms
    found = []
    while (left := end - client.transport.time_ms()) > 0:
        for message in client.lines(left):
            found.append(message)
            break
    return found


def events(found: list, name: str) -> list[dict]:
    """The lines of one event."""
    return [m for m in found if isinstance(m, Line) and m["event"] == name]
