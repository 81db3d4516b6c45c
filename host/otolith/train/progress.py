"""How far a stage of training is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from otolith.progress import Step, is_quiet, tell


class Report(Protocol):
    """Called with the name of a step, its share done (0 to 1) and a remark."""

    def __call__(self, name: str, share: float, note: str = "") -> None: ...


def silent(name: str, share: float, note: str = "") -> None:
    """A Report that shows nothing."""


@contextmanager
def bars(console: Console) -> Iterator[Report]:
    """Shows a progress bar for each step.

    Args:
        console: Where the bars appear.

    Yields:
        The Report to call.
    """
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    note, off = TextColumn("{task.fields[note]}"), is_quiet()
    with Progress(*columns, note, console=console, disable=off) as shown:
        tasks: dict[str, TaskID] = {}

        def report(name: str, share: float, note: str = "") -> None:
            if name not in tasks:
                tasks[name] = shown.add_task(name, total=1.0, note="")
            shown.update(tasks[name], completed=share, note=note)
            tell(Step(name, share, note))

        yield report
