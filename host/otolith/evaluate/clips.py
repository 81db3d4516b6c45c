"""A network judged on clips."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from otolith.audio import read_pcm
from otolith.data.windows import cover
from otolith.errors import UserError
from otolith.evaluate import metrics, verdict
from otolith.evaluate.models import Ear, ModelFile
from otolith.evaluate.sounds import Sound
from otolith.farm import map_tasks
from otolith.places import local, portable
from otolith.report.results import ClassFigures, ClipFigures, Curves, Picked, WrongClip

QUIET = 30  # of 32767: a window that never exceeds this is digital silence
CLIPS = 32  # scored by one task
MANY = 400  # fewer clips are scored in this process: starting others takes longer
STEPS = np.arange(101) / 100  # thresholds swept


def windows(parts: Iterable[np.ndarray], samples: int) -> list[np.ndarray]:
    """Cuts a clip into network windows.

    Windows of digital silence say nothing about the clip and are left out, unless all of them are.

    Args:
        parts: int16 PCM, 16 kHz, each part one window or longer.
        samples: Samples of a window.

    Returns:
        int16 (samples,) each.
    """
    found = [window for part in parts for window in cover(part, samples)]
    return [w for w in found if np.abs(w.astype(np.int32)).max() > QUIET] or found[:1]


@dataclass(frozen=True)
class ClipScores:
    """Scores of clips. A clip's scores are the means of its windows' scores.

    truth: (clips,) class numbers, K for a sound of no class. scores: (clips, K), 0 to 1. windows:
    (clips,) how many each clip has. window_right: (clips,) how many of them have their best score
    at the right class. problems: Clips that could not be read, a line each. sounds: The clips
    themselves, where they can be read again.
    """

    labels: list[str]
    thresholds: np.ndarray
    names: list[str]
    truth: np.ndarray
    scores: np.ndarray
    windows: np.ndarray
    window_right: np.ndarray
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sounds: list[Sound] = field(default_factory=list, repr=False)

    @cached_property
    def best(self) -> np.ndarray:
        """The class with the best score, whatever the score."""
        return self.scores.argmax(1)

    @cached_property
    def said(self) -> np.ndarray:
        """The class with the best score, or K (UNK) where that is below its threshold."""
        return metrics.decide(self.scores, self.thresholds)

    @cached_property
    def table(self) -> np.ndarray:
        """Confusion counts (K+1, K+1): the last column is UNK, the last row sounds of no class."""
        return metrics.confusion(self.truth, self.said, len(self.labels))

    @property
    def known(self) -> np.ndarray:
        """Which clips belong to a class; bool (clips,)."""
        return self.truth < len(self.labels)

    def right(self) -> np.ndarray:
        """Of the clips that belong to a class: whether their best score is at it."""
        return self.best[self.known] == self.truth[self.known]

    def positive(self, number: int) -> np.ndarray:
        """Which clips belong to class `number`; bool (clips,)."""
        return self.truth == number

    def sweep(self, number: int) -> metrics.Sweep:
        """Counts of class `number` against all others, at every threshold of STEPS."""
        return metrics.sweep(self.scores[:, number], self.positive(number), STEPS)


def of_windows(
    labels: Sequence[str],
    thresholds: np.ndarray,
    scores: np.ndarray,
    truth: np.ndarray,
    clips: np.ndarray,
    names: Sequence[str] = (),
) -> ClipScores:
    """Gathers windows that were scored elsewhere into clips.

    Args:
        labels: The classes.
        thresholds: (K,), 0 for a class without one.
        scores: (windows, K), 0 to 1.
        truth: (windows,) class number of each window's clip, K for none.
        clips: (windows,) a number for each window's clip.
        names: Names of the clips, in the order of their numbers.
    """
    truth, clips = np.asarray(truth), np.asarray(clips)
    numbers, first, place, count = np.unique(
        clips, return_index=True, return_inverse=True, return_counts=True
    )
    means = np.zeros((len(numbers), len(labels)))
    np.add.at(means, place, scores)
    return ClipScores(
        list(labels),
        np.asarray(thresholds, float),
        list(names) or [f"clip {n}" for n in numbers],
        truth[first],
        means / count[:, None],
        count,
        np.bincount(place, scores.argmax(1) == truth, len(numbers)).astype(int),
    )


@dataclass(frozen=True)
class _Task:
    """Clips to score. network: The bytes of the .tflite. name: Its name. files: For local()."""

    network: bytes = field(repr=False)
    name: str
    files: tuple[str, ...]


@functools.lru_cache(maxsize=2)
def _ear(network: bytes, name: str) -> Ear:
    """A network that a process keeps from task to task."""
    return Ear(ModelFile(Path(name), None), network)


def _score(task: _Task) -> list[np.ndarray | str]:
    """_heard() for the clips of a task, wherever it runs."""
    ear = _ear(task.network, task.name)
    return [_heard(ear, file) for file in task.files]


def _heard(ear: Ear, file: str) -> np.ndarray | str:
    """The scores of a clip's windows (windows, K), or why it can't be read."""
    try:
        cut = windows([read_pcm(local(file), resample=True)], ear.samples)
    except UserError as error:
        return error.message
    return np.array([ear.scores(w) for w in cut])


def _scores(
    ear: Ear, sounds: Sequence[Sound], scheduler: str | None, progress: Callable[[float], None]
) -> Iterator[np.ndarray | str]:
    """_heard() for each sound, in order."""
    if scheduler is None and len(sounds) < MANY:
        for number, sound in enumerate(sounds):
            progress(number / len(sounds))
            yield _heard(ear, str(sound.file))
        return
    place = portable if scheduler else str
    tasks = [
        _Task(ear.data, ear.name, tuple(place(s.file) for s in sounds[at : at + CLIPS]))
        for at in range(0, len(sounds), CLIPS)
    ]
    for number, found in enumerate(map_tasks(_score, tasks, scheduler=scheduler)):
        progress(number / len(tasks))
        yield from found


def judge(
    ear: Ear,
    sounds: Sequence[Sound],
    others: bool = False,
    progress: Callable[[float], None] | None = None,
    scheduler: str | None = None,
) -> ClipScores:
    """Scores sounds, many of them on all processors or on a cluster.

    Args:
        ear: The network.
        sounds: Labelled clips. One that can't be read becomes a line in `problems`.
        others: Count sounds of no class. Otherwise they are left out.
        progress: Called with the share done, 0 to 1.
        scheduler: Address of a Dask scheduler (otolith.farm). None: this computer.

    Raises:
        UserError: No sound of any class could be read, or the scheduler can't be used.
    """
    problems, notes, skipped = [], [], sorted({s.label for s in sounds} - set(ear.labels))
    if skipped and not others:
        sounds = [s for s in sounds if s.label in ear.labels]
        notes.append(f"left out: {', '.join(skipped)}: no class of {ear.name}")
    names, truth, clips, scores, read = [], [], [], [], []
    scored = _scores(ear, sounds, scheduler, progress or (lambda share: None))
    for number, (sound, found) in enumerate(zip(sounds, scored, strict=True)):
        if isinstance(found, str):
            problems.append(found)
            continue
        label = ear.labels.index(sound.label) if sound.label in ear.labels else len(ear.labels)
        names.append(sound.name)
        read.append(sound)
        scores += list(found)
        truth += [label] * len(found)
        clips += [number] * len(found)
    if progress:
        progress(1.0)
    if not names:
        raise UserError(
            f"no sound of any class of {ear.name} ({', '.join(ear.labels)}): "
            + (problems + notes + ["nothing there"])[0]
        )
    result = of_windows(
        ear.labels, ear.thresholds, np.array(scores), np.array(truth), np.array(clips), names
    )
    return replace(result, problems=problems, notes=notes, sounds=read)


def number(value: float) -> float | None:
    """Rounds to six digits; JSON has no nan, so that becomes None."""
    return None if np.isnan(value) else round(float(value), 6)


def picks(result: ClipScores) -> list[float]:
    """The threshold with the best F1 of each class; nan without sounds of it."""
    found = []
    for c in range(len(result.labels)):
        swept = result.sweep(c)
        f1 = swept.f1
        found.append(float(STEPS[metrics.pick(f1)]) if result.positive(c).any() else float("nan"))
    return found


def wrong(result: ClipScores) -> list[WrongClip]:
    """Lists the clips of a class whose best score is at another, the worst first."""
    found = []
    for clip in np.flatnonzero(result.known & (result.best != result.truth)):
        truth, best, scores = result.truth[clip], result.best[clip], result.scores[clip]
        found.append(
            WrongClip(
                int(clip),
                result.names[clip],
                result.labels[truth],
                result.labels[best],
                round(float(scores[best]), 4),
                round(float(scores[truth]), 4),
            )
        )
    return sorted(found, key=lambda w: (-w.margin, w.clip))


def _class_figures(result: ClipScores) -> list[ClassFigures]:
    table = result.table
    p, r, f = metrics.precision(table), metrics.recall(table), metrics.f1(table)
    picked = picks(result)
    classes = []
    for c, label in enumerate(result.labels):
        positive, swept = result.positive(c), result.sweep(c)
        at = round(picked[c] * 100) if positive.any() else None
        best = [
            None if at is None else number(x[at]) for x in (swept.precision, swept.recall, swept.f1)
        ]
        classes.append(
            ClassFigures(
                label,
                int(positive.sum()),
                number(p[c]),
                number(r[c]),
                number(f[c]),
                number(metrics.roc_auc(result.scores[:, c], positive)),
                number(result.thresholds[c]),
                Picked(number(picked[c]), *best),
            )
        )
    return classes


def _curves(result: ClipScores) -> list[Curves]:
    nothing, found = np.empty(0), []
    for c in range(len(result.labels)):
        positive, swept = result.positive(c), result.sweep(c)
        both = positive.any() and not positive.all()
        roc = metrics.roc_curve(result.scores[:, c], positive) if both else (nothing, nothing)
        f1 = (swept.thresholds, swept.f1) if positive.any() else (nothing, nothing)
        found.append(Curves(*roc, *f1))
    return found


def summary(result: ClipScores) -> ClipFigures:
    """Works out every figure of clips that were scored."""
    table, k = result.table, len(result.labels)
    right, classes = result.right(), _class_figures(result)
    f = metrics.f1(table)
    low, high = metrics.wilson(int(right.sum()), len(right))
    in_classes = result.windows[result.known].sum()
    return ClipFigures(
        clips=len(result.names),
        of_no_class=int((~result.known).sum()),
        windows=int(result.windows.sum()),
        accuracy=number(float(metrics.ratio(right.sum(), len(right)))),
        accuracy_95=(number(low), number(high)),
        accuracy_with_thresholds=number(metrics.accuracy(result.truth, result.said)),
        window_accuracy=number(
            float(metrics.ratio(result.window_right[result.known].sum(), in_classes))
        ),
        unknown=number(float(metrics.ratio(table[:k, k].sum(), table[:k].sum()))),
        macro_f1=number(float(np.nanmean(f))) if not np.isnan(f).all() else None,
        macro_roc_auc=_mean([c.roc_auc for c in classes]),
        baseline=verdict.baseline(result.labels, result.truth),
        labels=result.labels,
        confusion=table.tolist(),
        classes=classes,
        warnings=verdict.warnings(
            result.labels, result.truth[result.known], result.best[result.known]
        ),
        wrong=wrong(result),
        curves=_curves(result),
    )


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return round(float(np.mean(known)), 6) if known else None


def sweep_csv(result: ClipScores) -> str:
    """Writes the sweep of every class as CSV, one line for each class and threshold."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ratio_names = ("precision", "recall", "f1", "false_positive_rate")
    writer.writerow(["label", "threshold", "tp", "fp", "fn", "tn", *ratio_names, "picked"])
    picked = picks(result)
    for c, label in enumerate(result.labels):
        s = result.sweep(c)
        ratios = [getattr(s, name) for name in ratio_names]
        for i, t in enumerate(STEPS):
            counts = [int(x[i]) for x in (s.tp, s.fp, s.fn, s.tn)]
            shares = ["" if np.isnan(x[i]) else f"{x[i]:.4f}" for x in ratios]
            writer.writerow([label, f"{t:.2f}", *counts, *shares, int(t == picked[c])])
    return text.getvalue()
