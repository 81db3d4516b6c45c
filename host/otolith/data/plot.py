"""`host data plot`: draws waveforms and spectrograms as the chip computes them."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from otolith.audio import RATE, read_pcm
from otolith.data.options import reading_option
from otolith.data.play import files_of
from otolith.errors import UserError, shown
from otolith.features import extract
from otolith.files import replacing
from otolith.progress import bar
from otolith.settings.features import front_end

FRONT_END = front_end(kind="spectrogram")
_COLUMNS = 4
_LONGEST = 600 * RATE  # samples of one plot


def draw(clips: list[tuple[str, np.ndarray]], file: Path) -> None:
    """Draw the waveform and the spectrogram of each clip into a PNG file.

    Args:
        clips: Title and int16 samples at 16 kHz of each clip. A clip must be at least as long as a
            window of the front end.
        file: The PNG file.

    Raises:
        UserError: The file can't be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(_COLUMNS, len(clips))
    rows = -(-len(clips) // columns)
    figure, axes = pyplot.subplots(
        2 * rows,
        columns,
        figsize=(max(6, 3.2 * columns), 3.4 * rows),
        squeeze=False,
        gridspec_kw={"height_ratios": [1, 2] * rows},
        layout="constrained",
    )
    for axis in axes.flat:
        axis.axis("off")
    for number, (title, pcm) in enumerate(clips):
        row, column = divmod(number, columns)
        wave, image = axes[2 * row][column], axes[2 * row + 1][column]
        seconds = len(pcm) / RATE
        wave.axis("on")
        wave.plot(np.arange(len(pcm)) / RATE, pcm / 32768, linewidth=0.4, color="#24527a")
        wave.set(xlim=(0, seconds), ylim=(-1, 1), title=title)
        wave.title.set_fontsize(8)
        wave.tick_params(labelsize=6, labelbottom=False)
        image.axis("on")
        values = extract(pcm, FRONT_END)
        image.imshow(
            values.T,
            origin="lower",
            aspect="auto",
            extent=(0, seconds, 0, RATE / 2000),
            cmap="magma",
        )
        image.set_xlabel("s", fontsize=7)
        image.set_ylabel("kHz", fontsize=7)
        image.tick_params(labelsize=6)
    with replacing(file) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
    pyplot.close(figure)


@click.command(
    epilog="""\b
Examples:
  host data plot knocking -o knocking.png
  host data plot evening.flac -o evening.png"""
)
@click.argument("names", nargs=-1, required=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="PNG file.")
@reading_option
@click.option(
    "--most", type=click.IntRange(1, 200), default=24, show_default=True, help="Most clips to draw."
)
def plot(names: tuple[str, ...], out: Path, dataset: Path, most: int) -> None:
    """Draw waveforms and spectrograms of sound files, or of clips chosen by label or file name.

    The chip's C code computes the spectrograms.
    """
    files = files_of(names, dataset)
    clips, problems = [], []
    with bar("clips", min(most, len(files))) as step:
        for path, title in files[:most]:
            step()
            try:
                pcm = read_pcm(path, resample=True)
            except UserError as error:
                problems.append(error.message)
                continue
            if len(pcm) < FRONT_END.window:
                problems.append(f"{shown(path)}: too short for a picture")
                continue
            clips.append((shown(title)[-40:], pcm[:_LONGEST]))
    for problem in problems:
        click.echo(problem, err=True)
    if not clips:
        raise UserError("nothing to draw")
    draw(clips, out)
    left = f", {len(files) - most} more left out (--most)" if len(files) > most else ""
    click.echo(f"{len(clips)} clips drawn{left}: {out}")
    if problems:
        raise SystemExit(1)
