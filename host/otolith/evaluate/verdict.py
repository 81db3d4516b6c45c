"""What a figure is worth: the baseline, and the warnings that go with an accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from otolith.evaluate.metrics import wilson
from otolith.report.results import Baseline

FEW = 10  # clips of a class; with fewer, one clip is worth more than ten points of its recall
SMALL = 50  # clips in all


def baseline(labels: Sequence[str], truth: np.ndarray) -> Baseline | None:
    """Finds the class a network that hears nothing would name.

    Args:
        labels: The classes.
        truth: (count,) class numbers; numbers beyond the classes are left out.

    Returns:
        The most frequent class and its share, or None if there are no sounds.
    """
    counts = np.bincount(truth[truth < len(labels)], minlength=len(labels))
    if not counts.sum():
        return None
    largest = int(counts.argmax())
    return Baseline(labels[largest], round(float(counts[largest] / counts.sum()), 6))


def warnings(labels: Sequence[str], truth: np.ndarray, best: np.ndarray) -> list[str]:
    """Says what makes an accuracy mean little.

    Args:
        labels: The classes.
        truth: (clips,) class numbers, all below len(labels).
        best: (clips,) the class with each clip's best score.

    Returns:
        One line each, without a full stop.
    """
    found = []
    right, count = int((truth == best).sum()), len(truth)
    least = baseline(labels, truth)
    if least is None:
        return ["no clip is of any of the classes"]
    low, high = wilson(right, count)
    if low <= least.accuracy < 1:
        found.append(
            f"{right / count:.1%} of the clips are right: not clearly better than always answering "
            f"{least.label} ({least.accuracy:.1%})"
        )
    clips = np.bincount(truth, minlength=len(labels))
    silent = [label for n, label in enumerate(labels) if clips[n] and not (best == n).any()]
    if silent:
        found.append(f"the network never answers {', '.join(silent)}")
    present = [n for n in range(len(labels)) if clips[n]]
    fewest = min(present, key=lambda n: clips[n])
    if count < SMALL or clips[fewest] < FEW:
        found.append(
            f"the test set is small: {count} clips, {clips[fewest]} of {labels[fewest]}; the true "
            f"accuracy may lie anywhere from {low:.0%} to {high:.0%}"
        )
    return found
