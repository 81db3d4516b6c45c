"""A trained network judged on the test windows, by the project's own engine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from otolith.compile.engine import HostModel
from otolith.features import input_quantizer, quantize
from otolith.settings.spec import Spec
from otolith.train.examples import Examples
from otolith.train.fit import both

LOST_POINTS = 1.0  # of accuracy, to int8: worth a warning


def int8_scores(
    tflite: bytes, spec: Spec, test: Examples, progress: Callable[[str, float], None]
) -> tuple[np.ndarray, dict]:
    """Scores (windows, classes), 0..1, of the int8 network, and the compiler's report."""
    engine = HostModel(tflite)
    report = engine.compiled.report
    source, result = report["inputs"][0], report["outputs"][0]
    q = input_quantizer(vars(spec.features), source["scale"], source["zero_point"])
    rows = []
    for number, values in enumerate(test.values):
        rows.append(engine.invoke(quantize(values, q)).ravel())
        if number % 50 == 0:
            progress("evaluating int8", number / len(test.values))
    progress("evaluating int8", 1.0)
    raw = np.array(rows, np.int32)
    return both((raw - result["zero_point"]) * result["scale"]), report


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Windows by class (rows) and by what they were taken for."""
    table = np.zeros((classes, classes), int)
    np.add.at(table, (labels, predicted), 1)
    return table


def clip_accuracy(scores: np.ndarray, test: Examples) -> float:
    """Accuracy by clip: the mean score of its windows decides."""
    right = []
    for clip in np.unique(test.clips):
        mine = test.clips == clip
        right.append(scores[mine].mean(0).argmax() == test.labels[mine][0])
    return float(np.mean(right))


def warnings(metrics: dict) -> list[str]:
    """What is worth a line, and what to try."""
    found = []
    lost = 100 * (metrics["float_accuracy"] - metrics["int8_accuracy"])
    if lost > LOST_POINTS:
        better = '[quantize] mode = "qat"' if metrics["quantisation"] == "ptq" else "more epochs"
        found.append(
            f"int8 costs {lost:.1f} points of accuracy: try {better}, more [quantize] samples, or "
            "a wider network"
        )
    return found
