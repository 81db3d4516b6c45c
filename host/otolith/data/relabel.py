"""`host data relabel` and `host data remove`: changes the label of clips, or removes clips."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import click

from otolith.data import metadata
from otolith.data.clips import open_rows
from otolith.data.metadata import Row
from otolith.data.names import check_label, folder_of, inside
from otolith.data.options import dataset_option
from otolith.data.pick import pick
from otolith.errors import UserError, shown
from otolith.files import disk_errors, replacing


def _name(row: Row, label: str, taken: set[str], dataset: Path) -> str:
    stem, number = Path(row.file).stem, 1
    folder = folder_of(label)
    name = f"{folder}/{stem}.wav"
    while name in taken or (dataset / name).exists():
        number += 1
        name = f"{folder}/{stem}-{number}.wav"
    taken.add(name)
    return name


def move(dataset: Path, names: tuple[str, ...], label: str) -> int:
    """Give clips another label.

    It copies the files first, then writes the rows, then removes the old files. If it is
    interrupted, every clip still has a file and a row.

    Args:
        dataset: Folder of the dataset.
        names: Labels or file names with wildcards, as for pick().
        label: The new label.

    Returns:
        The number of clips that changed.

    Raises:
        UserError: A name fits no clip, a file is missing, or the disk can't be written.
    """
    with metadata.lock(dataset):
        rows = open_rows(dataset)
        chosen = [row for row in pick(rows, dataset, names) if row.label != label]
        taken = {row.file for row in rows.rows}
        moves = [(row, row.file, _name(row, label, taken, dataset)) for row in chosen]
        paths = [(inside(dataset, old), inside(dataset, new)) for _, old, new in moves]
        new: list[Path] = []
        with metadata.pending(dataset, [file for _, *files in moves for file in files]):
            try:
                with disk_errors(dataset):
                    for (row, _, name), (source, path) in zip(moves, paths, strict=True):
                        with replacing(path) as temporary:
                            shutil.copyfile(source, temporary)
                        new.append(path)
                        row.file, row.label = name, label
                    rows.save(dataset)
            except BaseException as error:
                for path in new:
                    path.unlink(missing_ok=True)
                if isinstance(error, FileNotFoundError):
                    raise UserError(f"{shown(error.filename)}: no such file") from error
                raise
            for source, _ in paths:
                source.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    source.parent.rmdir()  # only succeeds for the last clip of a label
    return len(chosen)


@click.command(
    epilog="""\b
Examples:
  host data relabel knock knocking
  host data relabel sound fire_alarm --files "sound/evening-*" """
)
@click.argument("old")
@click.argument("new")
@click.option("--files", multiple=True, help="Only these clips of OLD. * and ? are wildcards.")
@dataset_option
def relabel(old: str, new: str, files: tuple[str, ...], dataset: Path) -> None:
    """Change the label of clips from OLD to NEW. Files and rows change together."""
    new = check_label(new)
    if files:
        rows = open_rows(dataset)
        chosen = pick(rows, dataset, files)
        wrong = [row.file for row in chosen if row.label != old]
        if wrong:
            raise UserError(f"{shown(wrong[0])} is no {old}: relabel it by itself")
        names = tuple(row.file for row in chosen)
    else:
        names = (old,)
    click.echo(f"{move(dataset, names, new)} clips are {new} now")


@click.command(
    epilog="""\b
Example:
  host data remove "knocking/20261121-*.wav" """
)
@click.argument("names", nargs=-1, required=True)
@dataset_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def remove(names: tuple[str, ...], dataset: Path, yes: bool) -> None:
    """Remove clips and their rows, by label or file name (* and ? are wildcards)."""
    chosen = pick(open_rows(dataset), dataset, names)
    if not yes:
        click.confirm(f"Remove {len(chosen)} clips for good?", abort=True, err=True)
    gone = {row.file: inside(dataset, row.file) for row in chosen}
    with metadata.lock(dataset), disk_errors(dataset):
        rows = open_rows(dataset)
        rows.rows = [row for row in rows.rows if row.file not in gone]
        with metadata.pending(dataset, gone):
            rows.save(dataset)
            for path in gone.values():
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
    click.echo(f"{len(gone)} clips removed")
