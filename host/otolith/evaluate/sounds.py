"""Labelled sounds to judge a network on: of a spec, of class folders, of a dataset."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from otolith.audio import read_pcm
from otolith.data.windows import SOUNDS, load_windows, recordings
from otolith.errors import UserError
from otolith.settings.spec import Spec


@dataclass(frozen=True)
class Sound:
    """One clip. `read` gives its parts, int16 at 16 kHz, each a window or longer."""

    name: str
    label: str
    read: Callable[[], list[np.ndarray]]


def _file(path: Path, label: str) -> Sound:
    return Sound(str(path), label, lambda: [read_pcm(path, resample=True)])


def of_spec(spec: Spec, progress: Callable[[str, float], None]) -> list[Sound]:
    """The test set of a spec, as `host train` draws it."""
    if spec.data.kind != "alarm":
        return [
            _file(entry.file, spec.model.classes[entry.label])
            for entry in recordings(spec)
            if entry.set == "test"
        ]
    # the other sets need not be generated
    data = dataclasses.replace(spec.data, train_clips=0, validate_clips=0)
    spec = dataclasses.replace(spec, data=data)
    test = load_windows(spec, progress)["test"]
    sounds = []
    for clip in np.unique(test.clips):
        mine = test.clips == clip
        windows, number = list(test.pcm[mine]), int(test.labels[mine][0])
        name = f"{spec.model.name} test clip {clip}"
        sounds.append(Sound(name, spec.model.classes[number], lambda windows=windows: windows))
    return sounds


def class_name(folder: str) -> str:
    """A folder's class: without a number before it, in lower case, with _ for spaces."""
    return re.sub(r"^\d+\s*-\s*", "", folder).strip().lower().replace(" ", "_")


def of_folder(folder: Path, labels: list[str]) -> list[Sound]:
    """Sounds of <folder>/<class>/*; a folder named as a class exactly, or as class_name says."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder: give one with a subfolder a class")
    sounds = []
    for child in sorted(c for c in folder.iterdir() if c.is_dir()):
        name = child.name if child.name in labels else class_name(child.name)
        files = sorted(f for f in child.iterdir() if f.suffix.lower() in SOUNDS)
        sounds += [_file(file, name) for file in files]
    if not sounds:
        raise UserError(f"{folder}: no subfolder with {', '.join(SOUNDS)} files in it")
    return sounds


def of_dataset(dataset: Path, chosen: str) -> tuple[list[Sound], list[str]]:
    """The clips of a dataset whose set is `chosen`, and what is wrong with its metadata.csv."""
    from otolith.data.metadata import NAME, load

    if not (dataset / NAME).exists():
        raise UserError(f"{dataset}: no {NAME} in it: give a dataset, or --data FOLDER")
    metadata = load(dataset)
    rows = [row for row in metadata.rows if row.set == chosen]
    if not rows:
        raise UserError(f"{dataset}: no clip is in the {chosen} set: run `host data split`")
    return [_file(dataset / row.file, row.label) for row in rows], metadata.problems
