"""`host data merge`: copies several datasets into one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from otolith.data import metadata
from otolith.data.adding import batch
from otolith.data.clips import measure, open_rows
from otolith.errors import UserError, shown
from otolith.places import PLACE
from otolith.progress import bar


@click.command(
    epilog="""\b
Example:
  host data merge kitchen workshop -o all"""
)
@click.argument("datasets", nargs=-1, required=True, type=PLACE)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="Dataset to copy into."
)
def merge(datasets: tuple[Path, ...], out: Path) -> None:
    """Copy the clips of DATASETS into one. Each sound is copied once, with its first row."""
    if any(d.resolve() == out.resolve() for d in datasets):
        raise UserError(f"{out} can't be merged into itself: name another dataset with -o")
    tables = {dataset: open_rows(dataset) for dataset in datasets}
    seen = {measure(out, row.file).digest for row in metadata.load(out).rows}
    copies, conflicts, problems = 0, [], []
    labels: dict[bytes, str] = {}
    with batch(out) as to:
        with bar("clips", sum(len(t.rows) for t in tables.values())) as step:
            for dataset, table in tables.items():
                problems += table.problems
                for row in table.rows:
                    step()
                    clip = measure(dataset, row.file)
                    if clip.problem and not clip.digest:
                        problems.append(f"{shown(dataset / row.file)}: {clip.problem}: left out")
                        continue
                    if clip.digest in seen:
                        copies += 1
                        if labels.get(clip.digest, row.label) != row.label:
                            conflicts.append(f"{shown(dataset / row.file)}: there as another label")
                        continue
                    seen.add(clip.digest)
                    labels[clip.digest] = row.label
                    to.take(dataset / row.file, replace(row, extra=dict(row.extra)))
        rows = to.save()
    for problem in [*problems, *conflicts]:
        click.echo(problem, err=True)
    click.echo(f"{len(rows)} clips added to {out}, {copies} were there already")
    if problems or conflicts:
        raise SystemExit(1)
