"""`host data stats`: counts the clips of each class in a dataset."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import click

from otolith.data.clips import Dataset, open_rows, read_dataset
from otolith.data.metadata import SETS
from otolith.data.options import reading_option
from otolith.errors import shown
from otolith.files import replacing
from otolith.progress import bar


@dataclass
class Class:
    """The figures of one class.

    Attributes:
        clips: Number of clips.
        seconds: Their total length.
        unusable: Number of clips that can't be used.
        levels: RMS of each clip that is not silent, dBFS.
        sets: Number of clips in each set. The key "" means no set.
        speakers: Names of the speakers.
        sources: Names of the sources.
    """

    clips: int = 0
    seconds: float = 0.0
    unusable: int = 0
    levels: list[float] = field(default_factory=list)
    sets: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*SETS, ""), 0))
    speakers: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)

    def loudness(self) -> tuple[float, float] | None:
        """Mean (dBFS) and standard deviation (dB) of the levels. None if there are none."""
        if not self.levels:
            return None
        mean = math.fsum(self.levels) / len(self.levels)
        square = math.fsum((x - mean) ** 2 for x in self.levels) / len(self.levels)
        return mean, math.sqrt(square)


def classes_of(dataset: Dataset) -> dict[str, Class]:
    """Collect the figures of each class, by label in alphabetical order."""
    found: dict[str, Class] = {}
    for row, clip in sorted(dataset.clips, key=lambda pair: pair[0].label):
        about = found.setdefault(row.label, Class())
        about.clips += 1
        about.seconds += clip.seconds
        about.unusable += clip.problem is not None
        about.sets[row.set] += 1
        if clip.levels is not None and math.isfinite(clip.levels.rms_db):
            about.levels.append(clip.levels.rms_db)
        if row.speaker:
            about.speakers.add(row.speaker)
        if row.source:
            about.sources.add(row.source)
    return found


def as_numbers(about: Class) -> dict:
    """The figures of a class as values for JSON."""
    mean, spread = about.loudness() or (None, None)
    return {
        "clips": about.clips,
        "unusable": about.unusable,
        "seconds": round(about.seconds, 3),
        "rms_dbfs_mean": mean if mean is None else round(mean, 2),
        "rms_dbfs_spread": spread if spread is None else round(spread, 2),
        "sets": {name or "none": count for name, count in about.sets.items()},
        "speakers": len(about.speakers),
        "sources": len(about.sources),
    }


def picture(classes: dict[str, Class], file: Path) -> None:
    """Draw the clips by set and the loudness of each class into a PNG file. Raises UserError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = [shown(label).replace("$", r"\$") for label in classes]
    figure = Figure((11, max(3.0, 1.4 + 0.32 * len(labels))), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    start = [0] * len(labels)
    colours = {"train": "C0", "validate": "C1", "test": "C2", "": "0.7"}
    for name, colour in colours.items():
        counts = [about.sets[name] for about in classes.values()]
        if any(counts):
            left.barh(labels, counts, left=start, color=colour, label=name or "no set")
            start = [a + b for a, b in zip(start, counts, strict=True)]
    left.invert_yaxis()
    left.set_xlabel("clips")
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False)
    right.boxplot(
        [about.levels for about in classes.values()],
        positions=range(len(labels)),
        orientation="horizontal",
        flierprops={"markersize": 3},
        manage_ticks=False,
    )
    right.set_xlabel("loudness of a clip, dBFS (RMS)")
    right.grid(axis="x", alpha=0.4)
    with replacing(file) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _show(classes: dict[str, Class]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, show_footer=True)
    total = sum(about.clips for about in classes.values())
    seconds = sum(about.seconds for about in classes.values())
    columns: list[tuple[str, str, list[str]]] = [
        ("clips", str(total), [str(about.clips) for about in classes.values()]),
        ("seconds", f"{seconds:.1f}", [f"{about.seconds:.1f}" for about in classes.values()]),
        ("dBFS (RMS)", "", [_decibels(about) for about in classes.values()]),
    ]
    for name in (*SETS, ""):
        counts = [about.sets[name] for about in classes.values()]
        columns.append((name or "no set", str(sum(counts)), [str(n) for n in counts]))
    for what in ("speakers", "sources"):
        sets = [getattr(about, what) for about in classes.values()]
        count = len(set().union(*sets))
        columns.append((what, str(count), [str(len(names)) for names in sets]))
    columns = [column for column in columns if column[1] != "0"]  # leave out columns without values
    table.add_column("class", "all", no_wrap=True)
    for name, footer, _ in columns:
        table.add_column(name, footer, justify="right", no_wrap=True)
    for row, label in enumerate(classes):
        table.add_row(Text(shown(label)), *(values[row] for _, _, values in columns))
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 200)  # output to a file needs no wrapping
    console.print(table)


def _decibels(about: Class) -> str:
    loudness = about.loudness()
    return f"{loudness[0]:.1f} \u00b1 {loudness[1]:.1f}" if loudness else "silent"


@click.command()
@reading_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also draw clips by set and loudness of each class as a PNG.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def stats(dataset: Path, out: Path | None, as_json: bool) -> None:
    """Show clips, seconds, loudness, sets, speakers and sources of each class.

    Loudness is the mean and the standard deviation of the clips' RMS in dBFS, without silent clips.

    \b
    Example:
        host data stats -o dataset.png
    """
    rows = open_rows(dataset)
    with bar("clips", len(rows.rows)) as step:
        read = read_dataset(dataset, rows, step)
    classes = classes_of(read)
    if out is not None:
        picture(classes, out)
    for problem in rows.problems:
        click.echo(problem, err=True)
    if as_json:
        click.echo(json.dumps({label: as_numbers(c) for label, c in classes.items()}, indent=2))
    else:
        _show(classes)
    unusable = sum(about.unusable for about in classes.values())
    if unusable:
        click.echo(f"{unusable} clips can't be used: host data check says why", err=True)
