"""`host data segment`: finds the sounds in a recording and writes them as a label track."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from otolith.audio import RATE
from otolith.audio.reading import length_of, pcm_blocks
from otolith.audio.segment import FRAME, Rules, frame_levels, noise_floor, segments
from otolith.data.labels import LONGEST, Label, write_track
from otolith.errors import UserError
from otolith.progress import bar

MARGIN = 0.05  # s kept around a sound


def sounds(
    path: Path, rules: Rules, step: Callable[[], None] = lambda: None
) -> list[tuple[float, float]]:
    """Find the sounds in a recording by their energy.

    Args:
        path: A sound file of any format.
        rules: Thresholds and lengths.
        step: Called once for each second that was read.

    Returns:
        Start and end of each sound in seconds, with MARGIN on both sides. Sounds don't overlap.

    Raises:
        UserError: The file can't be read.
    """
    levels = []
    rest: np.ndarray = np.empty(0, np.int16)
    total = 0
    for block in pcm_blocks(path):
        total += len(block)
        rest = np.concatenate([rest, block])
        whole = len(rest) // FRAME * FRAME
        levels.append(frame_levels(rest[:whole]))
        rest = rest[whole:]
        for _ in range(total // RATE - (total - len(block)) // RATE):
            step()
    found = np.concatenate([*levels, np.empty(0)])
    spans = [
        (
            max(0.0, start * FRAME / RATE - MARGIN),
            min(total / RATE, stop * FRAME / RATE + MARGIN),
        )
        for start, stop in segments(found, noise_floor(found), rules)
    ]
    for i in range(len(spans) - 1):  # margins must not make labels overlap
        if spans[i][1] > spans[i + 1][0]:
            middle = (spans[i][1] + spans[i + 1][0]) / 2
            spans[i], spans[i + 1] = (spans[i][0], middle), (middle, spans[i + 1][1])
    return spans


@click.command(
    epilog="""\b
Examples:
  host data segment evening.flac -o evening.txt
  host data segment knocks.wav -o knocks.txt --label knocking --on-db 20"""
)
@click.argument("recording", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Label track. [RECORDING with suffix .txt]"
)
@click.option("--label", default="sound", show_default=True, help="Label of the sounds.")
@click.option(
    "--on-db", default=12.0, show_default=True, help="dB above the noise at which a sound begins."
)
@click.option(
    "--off-db", default=6.0, show_default=True, help="dB above the noise at which it ends."
)
@click.option("--gap", default=0.3, show_default=True, help="Longest pause within a sound, s.")
@click.option("--least", default=0.08, show_default=True, help="Length of the shortest sound, s.")
@click.option("--force", is_flag=True, help="Replace an existing track.")
@click.option("--json", "as_json", is_flag=True, help="Print the sounds as JSON.")
def segment(
    recording: Path,
    out: Path | None,
    label: str,
    on_db: float,
    off_db: float,
    gap: float,
    least: float,
    force: bool,
    as_json: bool,
) -> None:
    """Find the sounds in RECORDING by their energy and write them as an Audacity label track."""
    out = out or recording.with_suffix(".txt")
    if out.exists() and not force:
        raise UserError(f"{out} is there already, perhaps edited by hand: --force replaces it")
    if not label.strip():
        raise UserError("--label must not be empty")
    if off_db > on_db:
        raise UserError("--off-db must not be above --on-db")
    frames_a_second = RATE / FRAME
    rules = Rules(
        on_db,
        off_db,
        least=max(1, round(least * frames_a_second)),
        gap=max(1, round(gap * frames_a_second)),
        most=round(LONGEST * frames_a_second),
    )
    with bar("seconds", round(length_of(recording) / RATE)) as step:
        found = sounds(recording, rules, step)
    write_track(out, [Label(start, end, label) for start, end in found])
    if as_json:
        click.echo(json.dumps([{"start": s, "end": e, "label": label} for s, e in found]))
    else:
        seconds = sum(end - start for start, end in found)
        click.echo(f"{len(found)} sounds, {seconds:.1f} s in all: {out}")
