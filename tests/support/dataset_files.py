"""Creates sound files and datasets for tests."""

import wave

import numpy as np
import soundfile
from click.testing import CliRunner

from otolith.cli import main
from otolith.data.metadata import Metadata

RATE = 16000


def host(*arguments):
    """Run `host data ...`."""
    return CliRunner().invoke(main, ["data", *map(str, arguments)])


def tone(hertz=440.0, seconds=1.0, rate=RATE, amplitude=0.25):
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def write(path, samples, rate=RATE, subtype="PCM_16", **options):
    """Write a sound file with libsndfile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype, **options)
    return path


def read(path):
    """Read a WAV file as int16 with the standard library: 16-bit mono PCM only."""
    with wave.open(str(path), "rb") as file:
        assert file.getparams()[:3] == (1, 2, RATE), file.getparams()
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def noise(seed, seconds=1.0):
    """int16 noise, different for each seed."""
    return np.random.default_rng(seed).normal(0, 2000, round(seconds * RATE)).astype(np.int16)


def dataset(folder, rows, sounds=None):
    """Create a dataset. Each row gets a file of noise, unless `sounds` has samples for it."""
    for number, row in enumerate(rows):
        write(folder / row.file, (sounds or {}).get(row.file, noise(number)))
    Metadata(rows).save(folder)
    return folder
