"""Finds the dataset of a spec: the recordings at its path, or a generated dataset.

A generated dataset is kept below build/synth. Its name contains a hash of everything that
determines the sounds: the settings and the code of the generator. The same spec finds it again.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from otolith import paths, places, synth
from otolith.audio.wav import write_wav
from otolith.data import metadata, names
from otolith.data.metadata import Metadata, Row
from otolith.errors import UserError
from otolith.settings.data import DATASET
from otolith.settings.spec import Data, Spec
from otolith.synth.base import UNKNOWN
from otolith.synth.registry import find

FOLDER = paths.cache(paths.ROOT / "build" / "synth")

_FEW = 64  # up to so many clips are made in this process, because starting others takes longer

Progress = Callable[[str, float], None]


def quiet(name: str, share: float) -> None:
    """Report nothing."""


def check(data: Data, classes: Sequence[str]) -> None:
    """Check that the generator of a spec exists and can make the classes.

    Args:
        data: The spec's [data] section.
        classes: The spec's classes.

    Raises:
        UserError: There is no such generator, or it can't make a class.
    """
    if not data.synth:
        return
    try:
        generator = find(data.synth)
    except UserError as error:
        raise UserError(f"[data] synth: {error.message}") from error
    problem = generator.check(classes)
    if problem:
        raise UserError(f'[data] synth = "{data.synth}" {problem}')


def clip(spec: Spec, label: str, n: int, part: str, key: tuple[int, ...]) -> np.ndarray:
    """Make one clip with the generator of a spec.

    Args:
        spec: A spec with [data] synth.
        label: The class to make.
        n: Length in samples at 16 kHz.
        part: The set the clip is for: train, validate or test.
        key: Seed. The same key gives the same sound.

    Returns:
        int16 array of shape (n,).
    """
    check(spec.data, spec.model.classes)
    generator = find(spec.data.synth)(spec.model.classes)
    return generator.clip(np.random.default_rng(key), label, n, part)


def counts(data: Data) -> dict[str, int]:
    """Number of clips to generate for each set."""
    return {
        "train": data.train_clips,
        "validate": data.validate_clips,
        "test": data.test_clips,
    }


def _digest(spec: Spec) -> str:
    """Hash, as 16 hex digits, of everything that determines the sounds."""
    data = spec.data
    said = (data.synth, data.seed, spec.model.classes, spec.features.samples, counts(data))
    digest = hashlib.sha256(repr(said).encode())
    code = set(Path(synth.__file__).parent.glob("*.py"))
    code.add(Path(inspect.getfile(find(data.synth))))
    for file in sorted(code):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class _Job:
    """One clip to make, and the file to write."""

    synth: str
    classes: Sequence[str]
    label: str
    samples: int
    part: str
    key: tuple[int, ...]
    file: Path


def _make(job: _Job) -> None:
    generator = find(job.synth)(job.classes)
    rng = np.random.default_rng(job.key)
    write_wav(job.file, generator.clip(rng, job.label, job.samples, job.part))


def _made(jobs: list[_Job]) -> Iterator[None]:
    """Do the jobs and yield after each. Use all processors for many jobs."""
    if len(jobs) <= _FEW:
        yield from map(_make, jobs)
        return
    # Spawn, because forking a process in which TensorFlow's threads run may hang.
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        yield from pool.map(_make, jobs, chunksize=16)


def _recordings(spec: Spec) -> Path:
    """The folder that [data] path names, or a copy of what is at its address."""
    path = spec.data.path or DATASET
    return _copied(path) if places.is_address(path) else Path(path)


_copied = functools.cache(places.local)  # a training looks for its dataset many times


def is_synthetic(spec: Spec) -> bool:
    """Whether a spec trains on generated sounds: it names a generator and has no recordings."""
    return bool(spec.data.synth) and not (_recordings(spec) / metadata.NAME).exists()


def made_folder(spec: Spec) -> Path:
    """The folder of the generated dataset of a spec. It may not exist yet."""
    return FOLDER / f"{spec.data.synth}-{_digest(spec)}"


def folder_of(spec: Spec, progress: Progress = quiet) -> Path:
    """Find the dataset of a spec. Generate it first if there are no recordings.

    Args:
        spec: The spec.
        progress: Gets a text and the share done, 0 to 1, while clips are generated.

    Returns:
        The folder of the dataset. This is [data] path if it has a metadata.csv or if there is no
        [data] synth, and the generated dataset otherwise.

    Raises:
        UserError: The generator can't make the classes, or the disk can't be written.
    """
    if not is_synthetic(spec):
        return _recordings(spec)
    check(spec.data, spec.model.classes)
    folder = made_folder(spec)
    if not (folder / metadata.NAME).exists():
        try:
            FOLDER.mkdir(parents=True, exist_ok=True)
            _fill(spec, folder, progress)
        except OSError as error:
            raise UserError(f"can't write {folder}: {error.strerror}") from error
    return folder


def turns(classes: Sequence[str]) -> list[str]:
    """The order in which clips of the classes are made. It is repeated.

    If "unknown" is a class, it gets every second clip, because many kinds of sound belong to it.
    """
    others = [label for label in classes if label != UNKNOWN]
    if len(others) == len(classes):
        return others
    return [label for other in others for label in (UNKNOWN, other)]


def _fill(spec: Spec, folder: Path, progress: Progress) -> None:
    """Generate all clips of all sets. `folder` is created complete or not at all."""
    generator = find(spec.data.synth)
    classes = spec.model.classes
    generator(classes).prepare()
    with tempfile.TemporaryDirectory(prefix=".making-", dir=FOLDER) as name:
        made = Path(name) / "dataset"
        rows, jobs, order = Metadata(), [], turns(classes)
        for place, (part, count) in enumerate(counts(spec.data).items()):
            for number in range(count):
                label = order[number % len(order)]
                file = f"{names.folder_of(label)}/{part}-{number:05}.wav"
                (made / file).parent.mkdir(parents=True, exist_ok=True)
                key = generator.key(spec.data.seed, place, number)
                jobs.append(
                    _Job(
                        spec.data.synth,
                        classes,
                        label,
                        spec.features.samples,
                        part,
                        key,
                        made / file,
                    )
                )
                rows.rows.append(
                    Row(file, label, set=part, device="synthesised", note=spec.data.synth)
                )
        for done, _ in enumerate(_made(jobs)):
            progress("synthesising sounds", (done + 1) / len(jobs))
        rows.save(made)
        try:
            made.rename(folder)
        except OSError:
            if not (folder / metadata.NAME).exists():  # another process may have made it meanwhile
                shutil.rmtree(folder, ignore_errors=True)
                made.rename(folder)


def origin(spec: Spec) -> str:
    """Describe the sounds of a spec in a few words, for reports and metadata.

    Only the last part of a path is given, because the text goes into files that are shared.
    """
    if is_synthetic(spec):
        return f"synthesised sounds ({spec.data.synth})"
    return f"dataset {Path(spec.data.path or DATASET).name}"
