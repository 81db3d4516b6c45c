"""Stage 4 of training: the int8 network meets the test set, on the project's own engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from otolith.data.synthetic import origin
from otolith.evaluate import verdict
from otolith.evaluate.clips import of_windows, summary
from otolith.evaluate.network import Network, all_classes
from otolith.evaluate.replay import sounds_of
from otolith.features.network_input import real_input
from otolith.report.results import ClipFigures, Metrics
from otolith.train.examples import Examples
from otolith.train.fit import Fitted
from otolith.train.prepare import Prepared
from otolith.train.progress import Report, silent

LOST_POINTS = 1.0  # of accuracy, lost to int8: worth a warning
LEAST_HEARD = 0.5  # of the test takes of a class, at its own score above the others
RISING_POINTS = 0.5  # of validation accuracy, between the last two fifths: worth a warning


@dataclass(frozen=True)
class Judged:
    """A trained network's figures. clips: Those of the int8 network on the test clips."""

    metrics: Metrics
    clips: ClipFigures


def judge(prepared: Prepared, fitted: Fitted, tflite: bytes, progress: Report = silent) -> Judged:
    """Measures the network before and after quantisation on the test set.

    Args:
        prepared: The data.
        fitted: The network before quantisation.
        tflite: The network after it.
        progress: Called as the work proceeds.
    """
    spec, test = prepared.spec, prepared.test
    classes, settings = spec.model.classes, spec.features
    values = real_input(test.values, settings)
    float_scores = all_classes(fitted.network.predict(values, verbose=0, batch_size=256))
    network = Network(tflite)
    scores = _int8_scores(network, test, progress)
    predicted, schedule = scores.argmax(1), network.compiled.schedule
    least = verdict.baseline(classes, test.labels)
    assert least is not None  # prepare() makes sure that the set has sounds
    metrics = Metrics(
        model=spec.model.name,
        hash=schedule.network.digest,
        data=origin(spec),
        parameters=int(fitted.network.count_params()),
        macs=schedule.macs,
        weights_bytes=schedule.weights,
        arena_bytes=schedule.arena,
        windows=prepared.counts,
        validation_accuracy=round(fitted.best_accuracy, 5),
        float_accuracy=float((float_scores.argmax(1) == test.labels).mean()),
        int8_accuracy=float((predicted == test.labels).mean()),
        clip_accuracy=clip_accuracy(scores, test),
        float_clip_accuracy=clip_accuracy(float_scores, test),
        baseline=least,
        confusion=confusion(test.labels, predicted, len(classes)).tolist(),
        history=fitted.history,
        best_epoch=fitted.best_epoch,
        stopped=fitted.stopped,
        quantisation=spec.quantize.mode,
        seconds=0.0,
        data_wait=fitted.data_wait,
    )
    clips = _clip_figures(prepared, scores)
    said = [*prepared.notes, *missed(prepared, scores)]
    said += warnings(metrics, prepared.takes is None)
    return Judged(replace(metrics, warnings=[*said, *clips.warnings]), clips)


def _int8_scores(network: Network, test: Examples, progress: Report) -> np.ndarray:
    rows = []
    for number, values in enumerate(test.values):
        rows.append(network.outputs(values))
        if number % 50 == 0:
            progress("evaluating int8", number / len(test.values))
    progress("evaluating int8", 1.0)
    return network.scores(np.array(rows))


def _clip_figures(prepared: Prepared, scores: np.ndarray) -> ClipFigures:
    spec, test = prepared.spec, prepared.test
    thresholds = np.array([spec.detect.thresholds.get(c, 0.0) for c in spec.model.classes])
    numbers = np.unique(test.clips)
    names = [prepared.clip_name(int(n)) for n in numbers]
    judged = of_windows(spec.model.classes, thresholds, scores, test.labels, test.clips, names)
    figures, sounds = summary(judged), prepared.sounds
    if sounds is None:
        return figures
    audio = sounds_of(figures.wrong, lambda clip: sounds.pcm[sounds.clips == numbers[clip]][:1])
    return replace(figures, audio=audio)


def missed(prepared: Prepared, scores: np.ndarray) -> list[str]:
    """Says for which classes few of the takes kept from training are heard.

    Args:
        prepared: The data.
        scores: (count, classes) of the test windows.
    """
    if prepared.takes is None:
        return []
    labels, found = prepared.test.labels, []
    for label in sorted(prepared.takes.positives):
        mine = scores[labels == label]
        heard = int((mine.argmax(1) == label).sum())
        if heard < LEAST_HEARD * len(mine):
            found.append(
                f"of {len(mine)} test takes of {prepared.spec.model.classes[label]} the network "
                f"hears {heard}: are all takes the same sound, and are there enough of them?"
            )
    return found


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts windows (classes, classes) by what they are (rows) and what was predicted."""
    table = np.zeros((classes, classes), int)
    np.add.at(table, (labels, predicted), 1)
    return table


def clip_accuracy(scores: np.ndarray, test: Examples) -> float:
    """Accuracy by clip, 0 to 1: the mean score of a clip's windows decides."""
    right = []
    for clip in np.unique(test.clips):
        mine = test.clips == clip
        right.append(scores[mine].mean(0).argmax() == test.labels[mine][0])
    return float(np.mean(right))


def warnings(metrics: Metrics, by_epochs: bool = True) -> list[str]:
    """Says what a training could do better, one line each.

    Args:
        metrics: Its figures.
        by_epochs: Whether its history is of epochs, whose trend says something.
    """
    found = []
    lost = 100 * (metrics.float_accuracy - metrics.int8_accuracy)
    if lost > LOST_POINTS:
        better = '[quantize] mode = "qat"' if metrics.quantisation == "ptq" else "more epochs"
        found.append(
            f"int8 costs {lost:.1f} points of accuracy: try {better}, more [quantize] samples, or "
            "a wider network"
        )
    rise = rising(metrics.history["val_accuracy"])
    if by_epochs and not metrics.stopped and rise > RISING_POINTS:
        found.append(
            f"validation accuracy was still rising when training ended (by {rise:.1f} points in "
            "the last fifth): train longer, with more [train] epochs or updates"
        )
    return found


def rising(accuracy: list[float]) -> float:
    """How many points the mean validation accuracy rose from one fifth of the epochs to the last.

    0 for fewer than five epochs, which say nothing.
    """
    fifth = len(accuracy) // 5
    if not fifth:
        return 0.0
    return 100 * float(np.mean(accuracy[-fifth:]) - np.mean(accuracy[-2 * fifth : -fifth]))
