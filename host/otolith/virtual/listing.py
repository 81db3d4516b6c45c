"""What a virtual board says and what happens to it, as lines for a terminal or a script."""

from __future__ import annotations

import json

import click

from otolith.errors import shown
from otolith.virtual.board import VirtualBoard


class Listing:
    """Prints the board's lines and events, each with its emulated time."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._text = bytearray()
        self._in_frame = False
        self._told = 0  # events printed

    def take(self, board: VirtualBoard, data: bytes) -> None:
        """Print what is new.

        Args:
            board: its new events are printed.
            data: bytes that came from its console.
        """
        for event in board.events[self._told :]:
            self._print(event.t_ms, event.kind, event.text)
        self._told = len(board.events)
        for byte in data:
            if byte == 0:  # a binary frame is between two zeros
                self._in_frame = not self._in_frame
            elif byte == ord("\n") and not self._in_frame:
                self._print(board.time_ms, "line", self._text.decode("utf-8", "backslashreplace"))
                self._text.clear()
            elif not self._in_frame:
                self._text.append(byte)

    def _print(self, t_ms: float, kind: str, text: str) -> None:
        if self.as_json:
            click.echo(json.dumps({"t_ms": round(t_ms, 3), "kind": kind, "text": text}))
        else:
            told = f"{'' if kind == 'line' else kind + ': '}{text}"
            click.echo(f"{t_ms / 1000:10.3f} s  {shown(told)}")
