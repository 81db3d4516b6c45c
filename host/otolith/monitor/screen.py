"""The live display: scores as bars, level, load, and what was detected last."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from otolith.audio.levels import decibels
from otolith.device.client import Message
from otolith.device.frames import Frame
from otolith.device.records import Hello, ScoresLine, Stats
from otolith.errors import shown
from otolith.monitor.lines import describe, load
from otolith.record.meter import Gauge, draw_level, number

if TYPE_CHECKING:
    from rich.console import Group

_BAR = 40  # characters
_LOG = 8  # lines
_HELD = 50  # hops whose highest level is marked


class Screen:
    """Takes a board's messages and draws itself for rich."""

    def __init__(self, hello: Hello, events: Mapping[str, Sequence[int]] | None = None) -> None:
        """Begin without scores.

        Args:
            hello: of the board.
            events: of each of several networks, the numbers of the classes that make events.
        """
        self._hello = hello
        self._events = events or {}
        self._scores: list[int] = []
        self._highest: dict[str, int] = {}  # of several networks, by name
        self._stats: Stats | None = None
        self._t_ms = 0
        self._levels: deque[float] = deque(maxlen=_HELD)  # dBFS
        self._gauge: Gauge | None = None  # once there is sound itself
        self._log: deque[str] = deque(maxlen=_LOG)

    def take(self, message: Message) -> None:
        """Remember what a message says."""
        if isinstance(message, Frame):
            if message.type == "P":
                self._gauge = self._gauge or Gauge()
                self._gauge.add(np.frombuffer(message.data[: len(message.data) // 2 * 2], "<i2"))
            return
        t_ms = getattr(message, "t_ms", None)
        self._t_ms = self._t_ms if t_ms is None else t_ms
        if isinstance(message, Hello):
            self._hello = message
        elif isinstance(message, ScoresLine):
            self._scores = message.smoothed
            if message.model is not None:
                these = self._events.get(message.model, range(len(self._scores)))
                scores = [s for n, s in enumerate(self._scores) if n in these]
                self._highest[message.model] = max(scores, default=0)
            self._levels.append(decibels(message.level / 32768))
        elif isinstance(message, Stats):
            self._stats = message
            if message.level is not None and not self._scores:
                self._levels.append(decibels(message.level / 32768))
        elif line := describe(message):
            self._log.append(line)

    def __rich__(self) -> Group:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        rows = list(zip(self._hello.labels or [], self._scores, strict=False))
        for label, score in rows or self._highest.items():
            share = min(1.0, max(0.0, score / 32767))
            bar = Text("█" * round(share * _BAR), style="green")
            table.add_row(Text(shown(label)), Text(f"{share:5.3f}"), bar)
        return Group(
            Text(describe(self._hello) or "", style="bold"),
            table,
            self._level(),
            Text(f"{self._t_ms / 1000:.1f} s  {load(self._stats)}", style="dim"),
            *[Text(entry) for entry in self._log],
        )

    def _level(self):
        from rich.text import Text

        line = Text("level  ", no_wrap=True, overflow="crop")
        if gauge := self._gauge:
            draw_level(line, _BAR, gauge.rms_db, gauge.peak_db, gauge.hold_db)
            line.append(f" peak {number(gauge.hold_db)} RMS {number(gauge.rms_db)} dBFS")
        elif self._levels:
            now, highest = self._levels[-1], max(self._levels)
            draw_level(line, _BAR, now, now, highest)
            line.append(f" mean {number(now)} dBFS")
        return line
