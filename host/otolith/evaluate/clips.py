"""A network judged on clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from otolith.data.windows import cover
from otolith.errors import UserError
from otolith.evaluate import metrics
from otolith.evaluate.models import Ear
from otolith.evaluate.sounds import Sound

QUIET = 30  # of 32767: a window that never exceeds this is digital silence
STEPS = np.arange(101) / 100  # thresholds swept


def windows(parts: Iterable[np.ndarray], samples: int) -> list[np.ndarray]:
    """Windows of a clip.

    Those of digital silence say nothing about the clip and are left out, unless all are.
    """
    found = [window for part in parts for window in cover(part, samples)]
    return [w for w in found if np.abs(w.astype(np.int32)).max() > QUIET] or found[:1]


@dataclass(frozen=True)
class ClipScores:
    """What a network said of clips. A clip's scores are the mean of its windows'.

    truth: class numbers, K for a sound of no class. scores: (clips, K). windows: how many each clip
    has; window_right: how many of them had the best score at the right class.
    """

    labels: list[str]
    thresholds: np.ndarray
    names: list[str]
    truth: np.ndarray
    scores: np.ndarray
    windows: np.ndarray
    window_right: np.ndarray
    problems: list[str] = field(default_factory=list)  # what could not be read
    notes: list[str] = field(default_factory=list)

    @cached_property
    def best(self) -> np.ndarray:
        """The class with the best score, whatever the score."""
        return self.scores.argmax(1)

    @cached_property
    def said(self) -> np.ndarray:
        """The class with the best score, K (UNK) if it is below its threshold."""
        return metrics.decide(self.scores, self.thresholds)

    @cached_property
    def table(self) -> np.ndarray:
        """Confusion with the UNK column and the row of sounds of no class."""
        return metrics.confusion(self.truth, self.said, len(self.labels))

    @property
    def known(self) -> np.ndarray:
        """Which clips are of a class."""
        return self.truth < len(self.labels)

    def right(self) -> np.ndarray:
        """Which clips of a class have the best score at it."""
        return self.best[self.known] == self.truth[self.known]

    def positive(self, number: int) -> np.ndarray:
        """Which clips are of class `number`."""
        return self.truth == number

    def sweep(self, number: int) -> metrics.Sweep:
        """Class `number` against the rest."""
        return metrics.sweep(self.scores[:, number], self.positive(number), STEPS)


def of_windows(
    labels: Sequence[str],
    thresholds: np.ndarray,
    scores: np.ndarray,
    truth: np.ndarray,
    clips: np.ndarray,
    names: Sequence[str] = (),
) -> ClipScores:
    """ClipScores of windows that were scored elsewhere.

    scores: (windows, K). truth: the class number of each window's clip. clips: which clip each
    window is of, any numbers. thresholds: (K,), 0 for a class without. names: of the clips, in the
    order of their numbers.
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


def judge(
    ear: Ear,
    sounds: Sequence[Sound],
    others: bool = False,
    progress: Callable[[float], None] | None = None,
) -> ClipScores:
    """Scores of `sounds`; those of no class count if `others`, else they are left out.

    A sound that can't be read becomes a line in `problems`.
    """
    problems, notes, skipped = [], [], sorted({s.label for s in sounds} - set(ear.labels))
    if skipped and not others:
        sounds = [s for s in sounds if s.label in ear.labels]
        notes.append(f"left out: {', '.join(skipped)}: no class of {ear.name}")
    names, truth, clips, scores = [], [], [], []
    for number, sound in enumerate(sounds):
        if progress:
            progress(number / len(sounds))
        try:
            cut = windows(sound.read(), ear.samples)
        except UserError as error:
            problems.append(error.message)
            continue
        label = ear.labels.index(sound.label) if sound.label in ear.labels else len(ear.labels)
        names.append(sound.name)
        scores += [ear.scores(w) for w in cut]
        truth += [label] * len(cut)
        clips += [number] * len(cut)
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
    return replace(result, problems=problems, notes=notes)


def number(value: float) -> float | None:
    """For JSON, which has no nan."""
    return None if np.isnan(value) else round(float(value), 6)


def picks(result: ClipScores) -> list[float]:
    """The threshold of each class with the best F1; nan without sounds of it."""
    found = []
    for c in range(len(result.labels)):
        swept = result.sweep(c)
        f1 = swept.f1
        found.append(float(STEPS[metrics.pick(f1)]) if result.positive(c).any() else float("nan"))
    return found


def summary(result: ClipScores) -> dict:
    """The figures, for JSON and for tables."""
    table, k = result.table, len(result.labels)
    right = result.right()
    p, r, f = metrics.precision(table), metrics.recall(table), metrics.f1(table)
    picked = picks(result)
    classes = []
    for c, label in enumerate(result.labels):
        positive = result.positive(c)
        swept = result.sweep(c)
        at = round(picked[c] * 100) if positive.any() else 0
        classes.append(
            {
                "label": label,
                "clips": int(positive.sum()),
                "precision": number(p[c]),
                "recall": number(r[c]),
                "f1": number(f[c]),
                "roc_auc": number(metrics.roc_auc(result.scores[:, c], positive)),
                "threshold": number(result.thresholds[c]),
                "picked": {
                    "threshold": number(picked[c]),
                    **{
                        key: number(getattr(swept, key)[at]) if positive.any() else None
                        for key in ("precision", "recall", "f1")
                    },
                },
            }
        )
    in_classes = result.windows[result.known].sum()
    return {
        "clips": len(result.names),
        "of_no_class": int((~result.known).sum()),
        "windows": int(result.windows.sum()),
        "accuracy": number(metrics.ratio(right.sum(), len(right))),
        "accuracy_95": [number(x) for x in metrics.wilson(int(right.sum()), len(right))],
        "accuracy_with_thresholds": number(metrics.accuracy(result.truth, result.said)),
        "window_accuracy": number(
            metrics.ratio(result.window_right[result.known].sum(), in_classes)
        ),
        "unknown": number(metrics.ratio(table[:k, k].sum(), table[:k].sum())),
        "macro_f1": number(np.nanmean(f)) if not np.isnan(f).all() else None,
        "macro_roc_auc": _mean([c["roc_auc"] for c in classes]),
        "labels": result.labels,
        "confusion": table.tolist(),
        "classes": classes,
    }


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return round(float(np.mean(known)), 6) if known else None


def sweep_csv(result: ClipScores) -> str:
    """The sweep of every class, a line a class and threshold."""
    import csv
    import io

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
