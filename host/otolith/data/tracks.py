"""`host data labels` and `host data join`: writes label tracks for clips."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.audio.convert import hash_of
from otolith.audio.wav import WavWriter
from otolith.data.clips import measure, open_rows
from otolith.data.labels import Label, write_track
from otolith.data.metadata import NAME
from otolith.data.options import dataset_option
from otolith.data.pick import pick
from otolith.data.pieces import times_of
from otolith.errors import UserError, shown
from otolith.files import cannot_write, replacing
from otolith.progress import bar


def source_of(recording: Path) -> str:
    """What the column source says of clips cut out of a recording: its name and its hash."""
    return f"{recording.stem}-{hash_of(recording)[:8]}"


def cut_before(recording: Path, dataset: Path) -> list[Label]:
    """Where the clips of a recording were cut.

    Args:
        recording: A sound file.
        dataset: Folder of the dataset. It need not exist.

    Returns:
        A label for each clip whose row has its times, in the order of the recording.

    Raises:
        UserError: metadata.csv can't be read.
    """
    rows = open_rows(dataset).rows if (dataset / NAME).exists() else []
    if not any(row.source.startswith(recording.stem) for row in rows):
        return []  # without reading an hour for its hash
    source = source_of(recording)
    mine = [row for row in rows if row.source == source]
    timed = [(times, row.label) for row in mine if (times := times_of(row))]
    return [Label(start, end, name) for (start, end), name in sorted(timed)]


@click.command(
    epilog="""\b
Example:
  host data labels evening.flac -o evening.txt    its clips as labels, to edit in Audacity"""
)
@click.argument("recording", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Label track.")
@dataset_option
def labels(recording: Path, out: Path, dataset: Path) -> None:
    """Write an Audacity label track that shows where the clips of RECORDING were cut."""
    open_rows(dataset)  # a folder that is no dataset is told
    found = cut_before(recording, dataset)
    if not found:
        raise UserError(f"{shown(dataset)}: no clips cut out of {shown(recording)}")
    write_track(out, found)
    click.echo(f"{len(found)} labels: {out}")


@click.command(
    epilog="""\b
Example:
  host data join knocking key_io -o tour.wav    and tour.txt beside it"""
)
@click.argument("names", nargs=-1, required=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="WAV file.")
@click.option(
    "--gap",
    type=click.FloatRange(0, 60),
    default=0.5,
    show_default=True,
    help="Pause between clips, s.",
)
@dataset_option
def join(names: tuple[str, ...], out: Path, gap: float, dataset: Path) -> None:
    """Join clips, chosen by label or file name, into one recording with a label track beside it."""
    rows = pick(open_rows(dataset), dataset, names)
    track, problems, at = [], [], 0
    silence = np.zeros(round(gap * RATE), np.int16)
    with replacing(out) as temporary:
        temporary.unlink()
        wav = WavWriter(temporary)
        try:
            with bar("clips", len(rows)) as step:
                for row in rows:
                    step()
                    clip = measure(dataset, row.file, levels=False)
                    if clip.problem:
                        problems.append(f"{shown(row.file)}: {clip.problem}: left out")
                        continue
                    pcm = read_pcm(dataset / row.file)
                    track.append(Label(at / RATE, (at + len(pcm)) / RATE, row.label))
                    wav.write(pcm)
                    wav.write(silence)
                    at += len(pcm) + len(silence)
        except OSError as error:
            raise cannot_write(out, error) from error
        finally:
            wav.close()
        if not track:
            raise UserError(f"{shown(dataset)}: none of these clips can be read")
    write_track(out.with_suffix(".txt"), track)
    for problem in problems:
        click.echo(problem, err=True)
    click.echo(f"{len(track)} clips, {at / RATE:.1f} s: {out}, {out.with_suffix('.txt')}")
    if problems:
        raise SystemExit(1)
