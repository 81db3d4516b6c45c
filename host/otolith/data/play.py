"""`host data play`: listen to clips."""

from __future__ import annotations

from pathlib import Path

import click

from otolith.audio import RATE, read_pcm
from otolith.data.clips import open_rows
from otolith.data.options import reading_option
from otolith.data.pick import pick
from otolith.errors import UserError, shown


def files_of(names: tuple[str, ...], dataset: Path) -> list[tuple[Path, str]]:
    """Find sound files by path, or clips of the dataset by label or file name.

    Returns:
        Path and title of each.

    Raises:
        UserError: A name is neither a file nor a label or a clip of the dataset.
    """
    found = []
    for name in names:
        if Path(name).is_file():
            found.append((Path(name), name))
        else:
            rows = pick(open_rows(dataset), dataset, [name])
            found += [(dataset / row.file, f"{row.label}  {Path(row.file).name}") for row in rows]
    return found


@click.command(
    epilog="""\b
Examples:
  host data play knocking
  host data play evening.flac --device 3"""
)
@click.argument("names", nargs=-1, required=True)
@reading_option
@click.option("--device", help="Loudspeaker, by name or number.")
@click.option(
    "--most", type=click.IntRange(1), default=20, show_default=True, help="Most clips to play."
)
def play(names: tuple[str, ...], dataset: Path, device: str | None, most: int) -> None:
    """Play sound files, or clips of the dataset chosen by label or file name."""
    files = files_of(names, dataset)[:most]
    try:
        import sounddevice
    except OSError as error:  # the Python package is installed, the system library is not
        raise UserError("PortAudio is missing: sudo apt-get install -y libportaudio2") from error
    where = int(device) if device and device.isdigit() else device
    for path, title in files:
        pcm = read_pcm(path, resample=True)
        click.echo(f"{shown(title)}  {len(pcm) / RATE:.2f} s")
        try:
            sounddevice.play(pcm, RATE, device=where, blocking=True)
        except (sounddevice.PortAudioError, ValueError) as error:
            raise UserError(
                f"can't play: {str(error).splitlines()[0]}: no loudspeaker? (--device)"
            ) from error
