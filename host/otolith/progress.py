"""A progress bar on standard error, shown only on a terminal.

Whoever runs a command's function elsewhere gets the same steps as events (`listening`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress


@dataclass(frozen=True)
class Step:
    """How far something is.

    what: The step's name. share: Of it that is done, 0 to 1. note: A remark. values: Measured
    there, for curves.
    """

    what: str
    share: float
    note: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


_quiet = False
_bars: list[Progress] = []  # on the terminal that takes the output, too


def be_quiet(quiet: bool) -> None:
    """Choose whether this process shows progress and remarks (`host --quiet`)."""
    global _quiet
    _quiet = quiet


def is_quiet() -> bool:
    """Whether only results and errors are to be shown."""
    return _quiet


def remark(line: str) -> None:
    """Print to standard error what a command does just now, unless only results are wanted."""
    if not _quiet:
        click.echo(line, err=True)


_listeners: list[Callable[[Step], None]] = []


@contextmanager
def listening(listener: Callable[[Step], None]) -> Iterator[None]:
    """Call a function with every step that this process makes within the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(step: Step) -> None:
    """Tell the listeners of a step."""
    for listener in _listeners:
        listener(step)


def result(line: str) -> None:
    """Print a line of a command's result at once, above the progress bar if there is one."""
    if _bars:  # both are on the terminal
        _bars[-1].console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
        return
    click.echo(line)
    sys.stdout.flush()


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar within the block.

    Args:
        what: Text beside the bar.
        total: Number of steps.

    Yields:
        A function to call after each step.
    """
    done = 0
    with _shown(what, total, counts=True) as show:

        def step() -> None:
            nonlocal done
            done += 1
            show(done)

        yield step


@contextmanager
def shares(what: str) -> Iterator[Callable[[float], None]]:
    """Show a progress bar of something without countable steps within the block.

    Args:
        what: Text beside the bar.

    Yields:
        A function to call with the share that is done, 0 to 1.
    """
    with _shown(what, 1, counts=False) as show:
        yield show


@contextmanager
def _shown(what: str, total: int, counts: bool) -> Iterator[Callable[[float], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    off = _quiet or not console.is_terminal
    numbers = (MofNCompleteColumn(),) if counts else ()
    columns = (TextColumn("{task.description}"), BarColumn(), *numbers, TimeRemainingColumn())
    piped = not sys.stdout.isatty()  # a file or pipe that takes the output gets none of the bar
    with Progress(
        *columns, console=console, transient=True, disable=off, redirect_stdout=not piped
    ) as progress:
        if not off and not piped:
            _bars.append(progress)
        task = progress.add_task(what, total=total)

        def show(done: float) -> None:
            progress.update(task, completed=done)
            tell(Step(what, done / max(1, total)))

        try:
            yield show
        finally:
            if progress in _bars:
                _bars.remove(progress)
