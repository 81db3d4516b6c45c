"""Shows the level while recording: a live meter on a terminal, else lines on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import numpy as np

from otolith.audio import RATE
from otolith.audio.levels import Levels
from otolith.progress import is_quiet, remark

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

_BAR = (8, 40)  # characters, narrowest and widest bar
_NUMBERS = 34  # characters after the bar
_WINDOW = RATE // 20  # samples for each measurement of the level
_LOWEST = -60.0  # dBFS at the left end of the bar
_HOLD = int(1.5 * RATE)  # samples; how long a peak or clipping is shown
_FALL = 20.0  # dB a second; how fast the held peak falls after that
_RED, _YELLOW = -3.0, -12.0  # dBFS; lowest levels drawn in these colours


class Meter:
    """The meter without a terminal. Prints a line to standard error when the heading changes."""

    def __init__(self) -> None:
        self._said = ""

    def heading(self, text: str) -> None:
        """Announce the next take."""
        if text != self._said:
            remark(text)
        self._said = text

    def show(self, state: str, pcm: np.ndarray) -> None:
        """Show the level of new PCM (int16, 16 kHz) and what the recorder is doing."""

    def tell(self, line: str, err: bool = False) -> None:
        """Print a permanent line, to standard error if `err`."""
        click.echo(line, err=err)
        if not err:
            sys.stdout.flush()
        self._said = ""

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class Gauge:
    """Measures peak, RMS and clipping of incoming PCM. Time is counted in samples.

    Attributes:
        peak_db: Peak of the last 50 ms, dBFS.
        rms_db: RMS of the last 50 ms, dBFS.
        hold_db: Peak that is held for 1.5 s and then falls, dBFS.
        clipped: Whether samples were clipped within the last 1.5 s.
    """

    def __init__(self) -> None:
        self.peak_db = self.rms_db = self.hold_db = -np.inf
        self.clipped = False
        self._held = self._clipped_for = 0
        self._window = Levels()

    def add(self, pcm: np.ndarray) -> None:
        """Add PCM (int16, 16 kHz)."""
        self._window.add(pcm)
        if self._window.samples < _WINDOW:
            return
        levels, self._window = self._window, Levels()
        self.peak_db, self.rms_db = levels.peak_db, levels.rms_db
        self._held += levels.samples
        if self._held > _HOLD:
            self.hold_db -= _FALL * levels.samples / RATE
        if self.peak_db >= self.hold_db:
            self.hold_db, self._held = self.peak_db, 0
        self._clipped_for = 0 if levels.clipped else self._clipped_for + levels.samples
        self.clipped = bool(levels.clipped) or (self.clipped and self._clipped_for < _HOLD)


class LiveMeter(Meter):
    """The meter on a terminal: one line that is redrawn."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__()
        self._gauge = Gauge()
        self._heading = self._state = ""
        self._live = Live(
            self,
            console=Console(stderr=True),
            refresh_per_second=15,
            transient=True,
            redirect_stdout=False,  # it would go to stderr
            redirect_stderr=False,
        )

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        gauge = self._gauge
        doing = f"{self._heading}: {self._state}" if self._state else self._heading
        width = min(max(_BAR[0], options.max_width - len(doing) - _NUMBERS), _BAR[1])
        line = Text(no_wrap=True, overflow="crop")
        line.append(f"{doing}  ")
        draw_level(line, width, gauge.rms_db, gauge.peak_db, gauge.hold_db)
        line.append(f" peak {number(gauge.hold_db)} RMS {number(gauge.rms_db)} ")
        warning = ("CLIPPED", "bold white on red")
        line.append(*(warning if gauge.clipped else ("dBFS",)))
        yield line

    def heading(self, text: str) -> None:
        self._heading = text

    def show(self, state: str, pcm: np.ndarray) -> None:
        self._state = state
        self._gauge.add(pcm)

    def tell(self, line: str, err: bool = False) -> None:
        if err or sys.stdout.isatty():
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            super().tell(line)

    def __enter__(self) -> LiveMeter:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()


def _position(level_db: float, width: int) -> int:
    """Number of characters of the bar up to a level."""
    share = (max(level_db, _LOWEST) - _LOWEST) / -_LOWEST
    return min(width, round(share * width))


def draw_level(line: Text, width: int, rms_db: float, peak_db: float, hold_db: float) -> None:
    """Append a bar of `width` characters, solid up to the RMS and light up to the peak.

    A mark shows the held peak. Levels are in dBFS.
    """
    rms, peak, hold = (_position(level, width) for level in (rms_db, peak_db, hold_db))
    for i in range(width):
        level = _LOWEST * (1 - (i + 1) / width)
        colour = "red" if level > _RED else "yellow" if level > _YELLOW else "green"
        held = i == hold - 1
        mark = "┃" if held else "█" if i < rms else "▒" if i < peak else "·"
        line.append(mark, style=colour if held or i < peak else "dim")


def number(level_db: float) -> str:
    """Format a level (dBFS) as text of constant width."""
    return f"{level_db:6.1f}" if np.isfinite(level_db) else "  -inf"


def make_meter() -> Meter:
    """A live meter if standard error is a terminal, else a plain one."""
    return LiveMeter() if sys.stderr.isatty() and not is_quiet() else Meter()
