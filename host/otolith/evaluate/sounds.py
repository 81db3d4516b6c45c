"""Labelled sounds to judge a network on: from a spec, from class folders or from a dataset."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from otolith.audio import SOUNDS, read_pcm
from otolith.data.metadata import NAME, load
from otolith.data.windows import test_recordings
from otolith.errors import UserError
from otolith.settings.spec import Spec


@dataclass(frozen=True)
class Sound:
    """One clip. file: Where it is."""

    name: str
    label: str
    file: Path

    def read(self) -> list[np.ndarray]:
        """Its parts, int16 PCM at 16 kHz, each one window or longer. UserError if unreadable."""
        return [read_pcm(self.file, resample=True)]


def _file(path: Path, label: str) -> Sound:
    return Sound(str(path), label, path)


def of_spec(spec: Spec, progress: Callable[[str, float], None]) -> list[Sound]:
    """Finds the test set of a spec, as `host train` draws it."""
    return [
        _file(entry.file, spec.model.classes[entry.label])
        for entry in test_recordings(spec, progress)
    ]


def class_name(folder: str) -> str:
    """The class a folder's name stands for: no number before it, lower case, _ for spaces."""
    return re.sub(r"^\d+\s*-\s*", "", folder).strip().lower().replace(" ", "_")


def of_folder(folder: Path, labels: list[str]) -> list[Sound]:
    """Finds the sounds of <folder>/<class>/*.

    Args:
        folder: A subfolder is a class by its exact name, else by class_name().
        labels: The network's classes.

    Raises:
        UserError: No such folder, or no sounds in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder: give one with a subfolder a class")
    sounds = []
    for child in sorted(c for c in folder.iterdir() if c.is_dir()):
        name = child.name if child.name in labels else class_name(child.name)
        files = sorted(f for f in child.iterdir() if f.suffix.lower() in SOUNDS)
        sounds += [_file(file, name) for file in files]
    if not sounds:
        raise UserError(f"{folder}: no subfolder with sound files in it")
    return sounds


def of_dataset(dataset: Path, chosen: str) -> tuple[list[Sound], list[str]]:
    """Finds the clips of a dataset.

    Args:
        dataset: A folder with a metadata.csv.
        chosen: The set: train, validate or test.

    Returns:
        The clips, and what is wrong with the metadata.csv, one line each.

    Raises:
        UserError: No metadata.csv, or no clip in the set.
    """
    if not (dataset / NAME).exists():
        raise UserError(f"{dataset}: no {NAME} in it: give a dataset, or --data FOLDER")
    metadata = load(dataset)
    rows = [row for row in metadata.rows if row.set == chosen]
    if not rows:
        raise UserError(f"{dataset}: no clip is in the {chosen} set: run `host data split`")
    return [_file(dataset / row.file, row.label) for row in rows], metadata.problems
