"""Cuts the dataset of a spec into windows for the network: PCM, class and clip of each."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from otolith.audio import read_pcm
from otolith.augment.fill import room_tone
from otolith.data import metadata
from otolith.data.clips import open_rows
from otolith.data.metadata import Row
from otolith.data.sets import assign
from otolith.data.synthetic import (
    Progress,
    counts,
    folder_of,
    is_synthetic,
    made_folder,
    quiet,
    turns,
)
from otolith.errors import UserError
from otolith.settings.spec import Spec
from otolith.synth.base import UNKNOWN

SETS = ("train", "validate", "test")
OTHERS = UNKNOWN  # the class of all labels that are not a class
WEIGHT = "weight"  # column of clips that give more training windows than others, such as mistakes
MOST_WEIGHT = 100
SILENT = 30  # int16: a window with no sample above this is digital silence, useless for training


@dataclass
class Windows:
    """The windows of one set.

    Attributes:
        pcm: int16 array of shape (count, samples), at 16 kHz.
        labels: Number of the class of each window, shape (count,).
        clips: Number of the clip each window was cut from, shape (count,).
    """

    pcm: np.ndarray
    labels: np.ndarray
    clips: np.ndarray


@dataclass(frozen=True)
class Recorded:
    """A sound file, the number of its class, and its set.

    weight: How many times as many training windows it gives as others.
    """

    file: Path
    label: int
    set: str
    weight: int = 1


def _cut(pcm: np.ndarray, samples: int, starts: Sequence[int]) -> list[np.ndarray]:
    """Cut windows at `starts`. A negative start lies before the clip.

    A clip shorter than a window is surrounded by noise like that in the clip, as at a microphone.
    """
    if len(pcm) >= samples:
        return [pcm[s : s + samples] for s in starts]
    room = room_tone(pcm, 2 * samples)
    padded = np.concatenate([room[:samples], pcm, room[samples:]])
    return [padded[s + samples : s + 2 * samples] for s in starts]


def cover(pcm: np.ndarray, samples: int) -> list[np.ndarray]:
    """Cut windows that cover a clip, for validation and test.

    Args:
        pcm: int16 samples of the clip.
        samples: Length of a window.

    Returns:
        int16 windows that overlap by half. The last one reaches the end of the clip, unless less
        than an eighth of a window is left. A clip shorter than a window is in the middle of its
        only window.
    """
    last = len(pcm) - samples
    if last < 0:
        return _cut(pcm, samples, [last // 2])
    starts = list(range(0, last + 1, max(1, samples // 2)))
    if last - starts[-1] > samples // 8:
        starts.append(last)
    return _cut(pcm, samples, starts)


def weight_of(row: Row) -> int:
    """The weight column of a clip; 1 where it is no whole number."""
    told = row.extra.get(WEIGHT, "")
    return min(max(1, int(told)), MOST_WEIGHT) if told.isdecimal() and len(told) < 10 else 1


def _listed(spec: Spec, progress: Progress) -> list[Recorded]:
    """The clips of metadata.csv that have a class and a set, in the order of its lines."""
    classes = spec.model.classes
    others = classes.index(OTHERS) if OTHERS in classes else None
    dataset = folder_of(spec, progress)
    rows = open_rows(dataset).rows
    if spec.data.split != "set":  # clips that are left out must not count in folds
        rows = [row for row in rows if others is not None or row.label in classes]
    found = []
    for row, chosen in zip(rows, assign(spec.data, rows), strict=True):
        label = classes.index(row.label) if row.label in classes else others
        if label is not None and chosen:
            found.append(Recorded(dataset / row.file, label, chosen, weight_of(row)))
    return found


def recordings(spec: Spec, progress: Progress = quiet) -> list[Recorded]:
    """List the sound files that a spec is trained and tested on.

    Args:
        spec: The spec. Its dataset is generated first if necessary.
        progress: Gets a text and the share done, 0 to 1, while sounds are generated.

    Returns:
        All clips of metadata.csv that have a class and a set, in the order of its lines. If
        "unknown" is a class, it gets all labels that are not a class. Otherwise they are left out.

    Raises:
        UserError: The dataset is missing, or has too few clips of a class.
    """
    found = _listed(spec, progress)
    for number, name in enumerate(spec.model.classes):
        count = sum(entry.label == number for entry in found)
        if count < len(SETS):
            has = f"{count} clip{'s' * (count != 1)}" if count else "no clips"
            raise UserError(
                f"{folder_of(spec)}: {has} of class {name}: training, validation and test need "
                f"one each: host record {name} makes some"
            )
    return found


def test_recordings(spec: Spec, progress: Progress = quiet) -> list[Recorded]:
    """List the sound files of a spec's test set.

    Args:
        spec: The spec. If its dataset has to be generated, only the test set is.
        progress: Gets a text and the share done, 0 to 1, while sounds are generated.

    Returns:
        The clips whose set is "test", as `recordings` lists them.

    Raises:
        UserError: The dataset is missing.
    """
    if is_synthetic(spec) and not (made_folder(spec) / metadata.NAME).exists():
        data = dataclasses.replace(spec.data, train_clips=0, validate_clips=0)
        spec = dataclasses.replace(spec, data=data)
    return [entry for entry in _listed(spec, progress) if entry.set == "test"]


def _first(files: list[Recorded], clips: int) -> list[Recorded]:
    """The first `clips` files of each class in each set."""
    seen: Counter[tuple[str, int]] = Counter()
    few = []
    for entry in files:
        seen[entry.set, entry.label] += 1
        if seen[entry.set, entry.label] <= clips:
            few.append(entry)
    return few


def _smaller(spec: Spec, clips: int) -> Spec:
    """A spec that generates no more than its first `clips` clips of each class need.

    An existing dataset is used as it is.
    """
    if not is_synthetic(spec) or (made_folder(spec) / metadata.NAME).exists():
        return spec
    most = clips * len(turns(spec.model.classes))
    few: dict[str, Any] = {
        f"{name}_clips": min(most, count) for name, count in counts(spec.data).items()
    }
    return dataclasses.replace(spec, data=dataclasses.replace(spec.data, **few))


def load_windows(spec: Spec, progress: Progress, clips: int | None = None) -> dict[str, Windows]:
    """Read the train, validate and test windows of a spec.

    Each training clip gives `[augment] windows_a_clip` windows at random positions. Other clips are
    covered from beginning to end. The same spec and dataset give the same windows in the same
    order. Silent windows are left out, but
    a clip of silence gives one.

    Args:
        spec: The spec.
        progress: Gets the name of the current step and the share done, 0 to 1.
        clips: Most clips of each class to use in each set. None uses all.

    Returns:
        The windows of each set, by its name.

    Raises:
        UserError: The dataset is missing, unreadable, or leaves a set empty.
    """
    if clips is not None:
        spec = _smaller(spec, clips)
    samples = spec.features.samples
    files = recordings(spec, progress)
    if clips is not None:
        files = _first(files, clips)
    rows: dict[str, list[tuple[np.ndarray, int, int]]] = {name: [] for name in SETS}
    for number, entry in enumerate(files):
        progress("recordings", (number + 1) / len(files))
        pcm = read_pcm(entry.file, resample=True)
        last = len(pcm) - samples  # negative: the clip is shorter than a window
        if entry.set == "train":
            rng = np.random.default_rng((spec.data.seed, number))
            count = spec.augment.windows_a_clip * entry.weight
            starts = rng.integers(min(0, last), max(0, last) + 1, count)
            windows = _cut(pcm, samples, [int(start) for start in starts])
        else:
            windows = cover(pcm, samples)
        loud = [w for w in windows if np.abs(w).max() > SILENT] or windows[:1]
        rows[entry.set] += [(w, entry.label, number) for w in loud]
    sets = {}
    for name, entries in rows.items():
        if not entries:
            raise UserError(
                f"no recordings for the {name} set: record more, or check how [data] splits them"
            )
        pcms, labels, numbers = zip(*entries, strict=True)
        sets[name] = Windows(np.array(pcms, np.int16), np.array(labels), np.array(numbers))
    return sets


def count_training(spec: Spec) -> int:
    """Estimate the number of training windows before augmentation."""
    if is_synthetic(spec):
        return spec.augment.windows_a_clip * spec.data.train_clips
    return spec.augment.windows_a_clip * sum(r.set == "train" for r in recordings(spec))
