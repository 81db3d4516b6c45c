"""`host data synth`: sounds made by programs."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import soundfile

from host.data.alarm import alarm_clip, background_clip
from host.data.keyword import keyword
from host.errors import UserError
from host.files import replacing


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
    samples = int(seconds * 16000)
    for label, make in (("fire_alarm", alarm_clip), ("background", background_clip)):
        for number in range(count):
            rng = np.random.default_rng((seed, number))
            with replacing(out / label / f"{label}_{seed}_{number:04}.wav") as file:
                soundfile.write(file, make(rng, samples), 16000, subtype="PCM_16", format="WAV")
    click.echo(f"{2 * count} clips of {seconds:g} s in {out}")


synth.add_command(keyword)
