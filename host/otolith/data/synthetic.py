"""The dataset a spec trains on where there are no recordings: made by programs, kept by content.

A kind of sound is one function here, and its name in KINDS.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from otolith import paths, synth
from otolith.audio.wav import write_wav
from otolith.data import metadata
from otolith.data.metadata import Metadata, Row
from otolith.errors import UserError
from otolith.settings.spec import Spec
from otolith.synth import impact
from otolith.synth import keyword as spoken
from otolith.synth.alarm import far, room, to_pcm
from otolith.synth.backgrounds import BACKGROUNDS

FOLDER = paths.ROOT / "build" / "synth"
PARTS = ("train", "validate", "test")
SCENE = 0xF5E5  # seed of sounds no set has


def _impact(
    rng: np.random.Generator, label: str, n: int, part: str, classes: list[str]
) -> np.ndarray:
    return impact.impact_clip(rng, label, n)


def _keyword(
    rng: np.random.Generator, label: str, n: int, part: str, classes: list[str]
) -> np.ndarray:
    return spoken.spoken_clip(rng, label, n, part, classes)


def _noises(
    rng: np.random.Generator, label: str, n: int, part: str, classes: list[str]
) -> np.ndarray:
    sound = BACKGROUNDS[label](rng, n)
    return to_pcm(far(rng, room(rng, sound)), rng.uniform(-45, -9))


KINDS: dict[str, Callable[..., np.ndarray]] = {
    "impact": _impact,
    "keyword": _keyword,
    "noises": _noises,
}


def check(kind: str, classes: list[str]) -> str | None:
    """Why these classes can't be made, or None."""
    names = {"impact": (*impact.SOUNDS, impact.UNKNOWN), "noises": tuple(BACKGROUNDS)}.get(kind)
    strange = [c for c in classes if names and c not in names]
    return f'synth = "{kind}" makes {", ".join(names or ())}, not {strange[0]}' if strange else None


def clip(spec: Spec, label: str, n: int, part: str, key: tuple[int, ...]) -> np.ndarray:
    """n samples, int16; the same key, the same sound."""
    rng = np.random.default_rng(key)
    return KINDS[spec.data.synth](rng, label, n, part, spec.model.classes)


def _clips(data: object, part: str) -> int:
    return int(getattr(data, f"{part}_clips"))


def _digest(spec: Spec) -> str:
    data = spec.data
    said = (data.synth, data.seed, spec.model.classes, spec.features.samples)
    digest = hashlib.sha256(repr((*said, *(_clips(data, part) for part in PARTS))).encode())
    for name in ("alarm", "impact", "keyword", "backgrounds", "espeak"):
        digest.update((Path(synth.__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


def _make(job: tuple[Spec, str, str, int, int, Path]) -> None:
    spec, label, part, place, number, file = job
    key = (spec.data.seed, place, number)
    write_wav(file, clip(spec, label, spec.features.samples, part, key))


def is_synthetic(spec: Spec) -> bool:
    """Whether the spec's sounds are made here: it says how, and there is no dataset."""
    found = (Path(spec.data.path or "dataset") / metadata.NAME).exists()
    return bool(spec.data.synth) and not found


def folder_of(
    spec: Spec, progress: Callable[[str, float], None] = lambda name, share: None
) -> Path:
    """The dataset of a spec: the one at its path, else, with `synth`, one made now or before."""
    if not is_synthetic(spec):
        return Path(spec.data.path or "dataset")
    folder = FOLDER / f"{spec.data.synth}-{_digest(spec)}"
    if not (folder / metadata.NAME).exists():
        try:
            FOLDER.mkdir(parents=True, exist_ok=True)
            _fill(spec, folder, progress)
        except OSError as error:
            raise UserError(f"can't write {folder}: {error.strerror}") from error
    return folder


def _turns(classes: list[str]) -> list[str]:
    """Whose turn it is: the unknown's every other time, as anything may be unknown."""
    others = [label for label in classes if label != impact.UNKNOWN]
    if len(others) == len(classes):
        return classes
    return [label for other in others for label in (impact.UNKNOWN, other)]


def _fill(spec: Spec, folder: Path, progress: Callable[[str, float], None]) -> None:
    """All clips of all sets into `folder`, which is there whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=".making-", dir=FOLDER) as name:
        made = Path(name) / "dataset"
        rows, jobs, turns = Metadata(), [], _turns(spec.model.classes)
        for place, part in enumerate(PARTS):
            for number in range(_clips(spec.data, part)):
                label = turns[number % len(turns)]
                file = f"{label}/{part}-{number:05}.wav"
                (made / label).mkdir(parents=True, exist_ok=True)
                jobs.append((spec, label, part, place, number, made / file))
                rows.rows.append(
                    Row(file, label, set=part, device="synthesised", note=spec.data.synth)
                )
        # Not forked: TensorFlow's threads may be running in this process.
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
            for done, _ in enumerate(pool.map(_make, jobs, chunksize=16)):
                progress("synthesising sounds", (done + 1) / len(jobs))
        rows.save(made)
        try:
            made.rename(folder)
        except OSError:
            if not (folder / metadata.NAME).exists():  # nobody else made it meanwhile
                shutil.rmtree(folder, ignore_errors=True)
                made.rename(folder)


def origin(spec: Spec) -> str:
    """What the sounds a spec is trained on are, in a few words for reports and metadata."""
    data = spec.data
    if data.kind == "alarm":
        return "synthesised sounds (alarm)"
    if data.kind == "esc":
        return f"recordings ({data.path})"
    if is_synthetic(spec):
        return f"synthesised sounds ({data.synth})"
    return f"dataset {data.path or 'dataset'}"
