"""Figures of merit, one function each, in NumPy alone.

`truth` and `said` are class numbers 0 to K-1, or K for none of them: a sound of no class, or a
network that is not sure (UNK). `scores` are (count, K), 0 to 1. A ratio of nothing is nan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054  # 95 % of a normal distribution lie within so many deviations


def decide(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Decides (count,): the class with the best score, or K where that is below its threshold."""
    best = scores.argmax(1)
    sure = scores[np.arange(len(scores)), best] >= thresholds[best]
    return np.where(sure, best, scores.shape[1])


def confusion(truth: np.ndarray, said: np.ndarray, classes: int) -> np.ndarray:
    """Counts (K+1, K+1): rows what was played, columns what was said; the last of each is UNK."""
    table = np.zeros((classes + 1, classes + 1), int)
    np.add.at(table, (truth, said), 1)
    return table


def ratio(part: np.ndarray | float, whole: np.ndarray | float) -> np.ndarray:
    """Divides; nan where `whole` is 0."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def accuracy(truth: np.ndarray, said: np.ndarray) -> float:
    """The share that was said right."""
    return float(ratio((truth == said).sum(), len(truth)))


def precision(table: np.ndarray) -> np.ndarray:
    """Precision (K,): of what was said to be a class, the share that was."""
    return ratio(np.diag(table), table.sum(0))[:-1]


def recall(table: np.ndarray) -> np.ndarray:
    """Recall (K,): of what was a class, the share that was said to be."""
    return ratio(np.diag(table), table.sum(1))[:-1]


def f1(table: np.ndarray) -> np.ndarray:
    """F1 (K,): the harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)."""
    return ratio(2 * np.diag(table), table.sum(0) + table.sum(1))[:-1]


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative.

    Ties count half. Computed from ranks (Mann-Whitney), exact up to 2**53.

    Args:
        scores: (count,).
        positive: bool (count,).

    Returns:
        0 to 1, nan without positives or without negatives.
    """
    scores, positive = np.asarray(scores), np.asarray(positive, bool)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return math.nan
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    below = np.cumsum(count) - count
    rank2 = 2 * below + count + 1  # twice the mean rank of equal scores, from 1: an integer
    wins2 = int(rank2[place.ravel()[positive]].sum()) - positives * (positives + 1)
    return wins2 / (2 * positives * negatives)


def roc_curve(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates from (0, 0) to (1, 1), a point for each distinct score."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(positive[order])[ends]
    alarms = np.cumsum(~positive[order])[ends]
    return (
        np.append(0.0, ratio(alarms, np.full(len(alarms), (~positive).sum()))),
        np.append(0.0, ratio(hits, np.full(len(hits), positive.sum()))),
    )


@dataclass(frozen=True)
class Sweep:
    """Counts (T,) of one class against the rest, heard wherever its score reaches a threshold."""

    thresholds: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    tn: np.ndarray

    @property
    def precision(self) -> np.ndarray:
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> np.ndarray:
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> np.ndarray:
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def false_positive_rate(self) -> np.ndarray:
        return ratio(self.fp, self.fp + self.tn)


def sweep(scores: np.ndarray, positive: np.ndarray, thresholds: np.ndarray) -> Sweep:
    """Counts one class against the rest at every threshold.

    Args:
        scores: (count,) of the class.
        positive: bool (count,).
        thresholds: (T,) rising.
    """
    good, bad = np.sort(scores[positive]), np.sort(scores[~positive])
    tp = len(good) - np.searchsorted(good, thresholds, "left")
    fp = len(bad) - np.searchsorted(bad, thresholds, "left")
    return Sweep(thresholds, tp, fp, len(good) - tp, len(bad) - fp)


def pick(values: np.ndarray) -> int:
    """The index in the middle of the longest run of the highest value."""
    top = np.append(np.append(False, values == np.nanmax(values)), False)
    starts = np.flatnonzero(~top[:-1] & top[1:])
    ends = np.flatnonzero(top[:-1] & ~top[1:])
    longest = (ends - starts).argmax()
    return int((starts[longest] + ends[longest] - 1) // 2)


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson score interval).

    Args:
        right: Successes.
        count: Trials; 0 gives nan.
    """
    if not count:
        return math.nan, math.nan
    share, z2 = right / count, Z95 * Z95
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z95 / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def mcnemar(only_first: int, only_second: int) -> float:
    """McNemar's exact test, two-sided: how likely a split this uneven is if both are equally good.

    Args:
        only_first: Items that only the first got right.
        only_second: Items that only the second got right.

    Returns:
        The p-value.
    """
    count, few = only_first + only_second, min(only_first, only_second)
    term = total = 1
    for k in range(1, few + 1):
        term = term * (count - k + 1) // k
        total += term
    numerator = 2 * total
    return 1.0 if numerator >= 1 << count else numerator / (1 << count)
