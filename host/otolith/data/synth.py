"""`host data synth`: sounds made by programs."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import soundfile

from otolith.audio import RATE
from otolith.data.adding import batch
from otolith.data.metadata import Row
from otolith.errors import UserError, shown
from otolith.files import replacing
from otolith.progress import bar
from otolith.synth.alarm import alarm_clip, background_clip
from otolith.synth.espeak import keyword
from otolith.synth.impact import SOUNDS, UNKNOWN, impact_clip


@click.group()
def synth() -> None:
    """Make sounds."""


@synth.command()
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder.")
@click.option("--count", type=click.IntRange(1), default=10, show_default=True, help="A class.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=5.0, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
def alarm(out: Path, count: int, seconds: float, seed: int) -> None:
    """Write alarm patterns and backgrounds as 16 kHz WAV files.

    \b
    Example:
        host data synth alarm -o sounds --count 20
    """
    if seconds != seconds:
        raise UserError("--seconds must be a number")
    samples = int(seconds * RATE)
    for label, make in (("fire_alarm", alarm_clip), ("background", background_clip)):
        for number in range(count):
            rng = np.random.default_rng((seed, number))
            with replacing(out / label / f"{label}_{seed}_{number:04}.wav") as file:
                soundfile.write(file, make(rng, samples), RATE, subtype="PCM_16", format="WAV")
    click.echo(f"{2 * count} clips of {seconds:g} s in {out}")


@synth.command()
@click.argument("labels", nargs=-1, required=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Dataset.")
@click.option("--count", type=click.IntRange(1), default=100, show_default=True, help="A label.")
@click.option("--seconds", type=click.FloatRange(0.2, 60), default=1.0, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
def impact(labels: tuple[str, ...], out: Path, count: int, seconds: float, seed: int) -> None:
    """Make keys, knocks and bolts (LABELS: key_io, knocking, locking, unknown); clips of a dataset.

    \b
    Example:
        host data synth impact key_io knocking locking unknown -o dataset --count 200
    """
    known = (*SOUNDS, UNKNOWN)
    strange = [label for label in labels if label not in known]
    if strange:
        raise UserError(f"{shown(strange[0])}: no such sound: {', '.join(known)}")
    if seconds != seconds:
        raise UserError("--seconds must be a number")
    names = list(dict.fromkeys(labels))
    with batch(out) as to, bar("clips", count * len(names)) as step:
        for label in names:
            for number in range(count):
                # by the label itself: another one beside it changes nothing
                rng = np.random.default_rng((seed, number, *label.encode()))
                row = Row(
                    f"{label}/{label}-{seed}-{number:05}.wav",
                    label,
                    device="synthesised",
                    gain="0",
                    note="impact",
                )
                to.add(impact_clip(rng, label, round(seconds * RATE)), row)
                step()
        rows = to.save()
    click.echo(f"{len(rows)} clips of {seconds:g} s in {out}")


synth.add_command(keyword)
