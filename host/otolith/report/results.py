"""Results of training and evaluation as plain values: what a page, a table or JSON shows.

Whoever measures fills these in; report/ renders them and measures nothing. Ratios of nothing are
None.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

# ---- clips ----


@dataclass(frozen=True)
class Baseline:
    """What a network reaches that always names the most frequent class.

    label: That class. accuracy: Its share of the sounds, 0 to 1.
    """

    label: str
    accuracy: float


@dataclass(frozen=True)
class Picked:
    """The threshold with the best F1 of one class, and its figures there."""

    threshold: float | None
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class ClassFigures:
    """One class on the clips. threshold: the model's own, 0 where it makes no event."""

    label: str
    clips: int
    precision: float | None
    recall: float | None
    f1: float | None
    roc_auc: float | None
    threshold: float | None
    picked: Picked


@dataclass(frozen=True)
class WrongClip:
    """A clip whose best score is at a class it is not.

    clip: Its place among the clips judged. truth, said: Classes. score: Of `said`. truth_score: Of
    `truth`, 0 for a sound of no class. margin: How far `score` is above `truth_score`; 1 is as
    wrong as can be.
    """

    clip: int
    name: str
    truth: str
    said: str
    score: float
    truth_score: float

    @property
    def margin(self) -> float:
        return self.score - self.truth_score

    def to_json(self) -> dict[str, Any]:
        """Without `clip`, which means something to this process alone."""
        values = dataclasses.asdict(self)
        del values["clip"]
        return values


@dataclass(frozen=True)
class Curves:
    """Curves of one class, for plots.

    alarms, hits: (points,) the ROC curve, empty without sounds of the class or without others.
    thresholds, f1: (steps,) empty without sounds of the class.
    """

    alarms: np.ndarray
    hits: np.ndarray
    thresholds: np.ndarray
    f1: np.ndarray


@dataclass(frozen=True)
class ClipFigures:
    """A network judged on clips.

    clips: How many. of_no_class: Those of them that belong to none of the classes. windows: Network
    windows cut from them. accuracy: Share of the clips of a class whose best score is at it.
    accuracy_95: Its 95 % confidence interval. accuracy_with_thresholds: As `accuracy`, over all
    clips, where a best score below its threshold means UNK. unknown: Share of the clips of a class
    that are UNK. confusion: (K+1, K+1) rows what was played, columns what was heard; the last of
    each is no class, UNK. wrong: The worst first. audio: FLAC bytes of some wrong clips by
    WrongClip.clip; not part of the JSON.
    """

    clips: int
    of_no_class: int
    windows: int
    accuracy: float | None
    accuracy_95: tuple[float | None, float | None]
    accuracy_with_thresholds: float | None
    window_accuracy: float | None
    unknown: float | None
    macro_f1: float | None
    macro_roc_auc: float | None
    baseline: Baseline | None
    labels: list[str]
    confusion: list[list[int]]
    classes: list[ClassFigures]
    warnings: list[str]
    wrong: list[WrongClip]
    curves: list[Curves] = field(repr=False)
    audio: dict[int, bytes] = field(default_factory=dict, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Everything but curves and sounds."""
        bare = dataclasses.replace(self, curves=[], audio={}, wrong=[])
        values = dataclasses.asdict(bare)
        del values["curves"], values["audio"]
        values["accuracy_95"] = list(self.accuracy_95)
        values["wrong"] = [clip.to_json() for clip in self.wrong]
        return values


# ---- recordings ----


@dataclass(frozen=True)
class Latency:
    """ms from a label's start to its event, over all hits."""

    mean: float | None
    p90: float | None


@dataclass(frozen=True)
class Hits:
    """Labels of recordings against events.

    repeats: Events in a label that had its event already. false_alarms_per_hour_at_most: The rate
    the true one stays below with 95 % confidence.
    """

    labels: int
    hits: int
    misses: int
    hit_rate: float | None
    repeats: int
    false_alarms: int
    false_alarms_per_hour: float
    false_alarms_per_hour_at_most: float
    latency_ms: Latency


@dataclass(frozen=True)
class ClassHits:
    """One class on the recordings."""

    label: str
    hits: Hits


@dataclass(frozen=True)
class JudgedEvent:
    """An event. t_ms: from the start of its recording. verdict: hit, repeat or false alarm."""

    recording: str
    t_ms: float
    label: str
    score: float
    verdict: str


@dataclass(frozen=True)
class Missed:
    """A label without an event, ms from the start of its recording."""

    recording: str
    start_ms: float
    end_ms: float
    label: str


@dataclass(frozen=True)
class Stretch:
    """A label on a timeline."""

    start_ms: float
    end_ms: float
    label: str
    hit: bool


@dataclass(frozen=True)
class Mark:
    """An event on a timeline."""

    t_ms: float
    label: str
    wrong: bool


@dataclass(frozen=True)
class Timeline:
    """One recording, for the plot. curve: (points, classes) smoothed scores 0 to 1, a point every
    curve_ms."""

    name: str
    duration_ms: float
    stretches: list[Stretch]
    marks: list[Mark]
    curve: np.ndarray = field(repr=False)
    curve_ms: float


@dataclass(frozen=True)
class StreamFigures:
    """A network judged on long recordings.

    early_ms, late_ms: How far outside its label an event may be. labels: All classes. heard: Those
    that can make an event. ignored_labels: Labels of other names, with counts.
    """

    recordings: int
    hours: float
    early_ms: float
    late_ms: float
    total: Hits
    classes: list[ClassHits]
    ignored_labels: dict[str, int]
    events: list[JudgedEvent]
    missed: list[Missed]
    labels: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list, repr=False)
    curves: list[ClassCurve] = field(default_factory=list, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Everything but the timelines."""
        return {
            "recordings": self.recordings,
            "hours": self.hours,
            "early_ms": self.early_ms,
            "late_ms": self.late_ms,
            **dataclasses.asdict(self.total),
            "classes": [{"label": c.label, **dataclasses.asdict(c.hits)} for c in self.classes],
            "ignored_labels": self.ignored_labels,
            "events": [dataclasses.asdict(event) for event in self.events],
            "missed": [dataclasses.asdict(missed) for missed in self.missed],
            "curves": [dataclasses.asdict(curve) for curve in self.curves],
        }


# ---- promises ----


@dataclass(frozen=True)
class CurvePoint:
    """What a class does at one threshold, alone.

    misses: Of the curve's positives. per_hour, low, high: False accepts an hour and the 95 %
    confidence interval of their rate (Poisson).
    """

    threshold: float
    misses: int
    false_accepts: int
    per_hour: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassCurve:
    """Misses against false accepts an hour, from the highest threshold down.

    threshold: The model's. positives: Takes and labels of the class that were played. hours: Heard.
    points: One where a count changes; they end where there are too many false accepts to count.
    """

    label: str
    threshold: float
    positives: int
    hours: float
    points: list[CurvePoint]


@dataclass(frozen=True)
class Rate:
    """Events an hour: their count, and the 95 % confidence interval of their rate (Poisson)."""

    count: int
    per_hour: float
    low: float
    high: float


@dataclass(frozen=True)
class Decisions:
    """What some settings of the decision layer do. Lists and counts by class are in the order of
    Promise.labels."""

    thresholds: list[float]
    smoothing: int
    misses: list[int]
    false_accepts: list[Rate]
    total: Rate


@dataclass(frozen=True)
class Promise:
    """Thresholds chosen for a rate of false accepts.

    asked: False accepts an hour, all classes together. hours: Heard, in `recordings` pieces.
    labels, positives: Classes that make events, with their takes and labels. before, after:
    Settings before and after the choice, on the very sounds of the choice. held_out: The count
    where each part of the recordings is judged by settings chosen on the other parts; None where
    there is one part. limit: False accepts an hour that `after` stays below with 95 % confidence.
    hours_needed: Without a false accept, to show what was asked.
    """

    asked: float
    hours: float
    recordings: int
    labels: list[str]
    positives: list[int]
    before: Decisions
    after: Decisions
    held_out: Rate | None
    limit: float
    hours_needed: float
    curves: list[ClassCurve] = field(repr=False)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Everything."""
        return dataclasses.asdict(self)


# ---- training ----


@dataclass(frozen=True)
class Metrics:
    """What metrics.json says of a training. Accuracies are 0 to 1, on the test set unless said.

    hash: First 16 hex digits of the .tflite's SHA-256. data: What the sounds are, in words.
    windows: Of each set. validation_accuracy: Float network, of the epoch kept. clip_accuracy: The
    mean score of a clip's windows decides. baseline: The most frequent class of the test windows.
    confusion: (K, K) windows, rows what they are, columns what the int8 network says. history: Loss
    and accuracy by epoch. best_epoch: Counts from 1. stopped: Why training ended before its last
    epoch, else empty. seconds: All of it took. data_wait: Share of the training time spent waiting
    for augmented data; None without augmentation. promise: Thresholds chosen for a rate of false
    accepts; None where the spec asks for none.
    """

    model: str
    hash: str
    data: str
    parameters: int
    macs: int
    weights_bytes: int
    arena_bytes: int
    windows: dict[str, int]
    validation_accuracy: float
    float_accuracy: float
    int8_accuracy: float
    clip_accuracy: float
    float_clip_accuracy: float
    baseline: Baseline
    confusion: list[list[int]]
    history: dict[str, list[float]]
    best_epoch: int
    stopped: str
    quantisation: str
    seconds: float
    data_wait: float | None = None
    warnings: list[str] = field(default_factory=list)
    promise: Promise | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training."""
        return self.stopped.startswith("interrupted")

    def to_json(self) -> dict[str, Any]:
        """As in metrics.json."""
        values = dataclasses.asdict(self)
        for key in ("data_wait", "promise"):
            if values[key] is None:
                del values[key]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Metrics:
        """What to_json() gave.

        Raises:
            TypeError, KeyError, msgspec.ValidationError: It did not.
        """
        found = {**values, "baseline": Baseline(**values["baseline"])}
        if "promise" in found:
            found["promise"] = msgspec.convert(found["promise"], Promise)
        return cls(**found)


@dataclass(frozen=True)
class Example:
    """Features of one window of a class: int16 (frames, bands)."""

    label: str
    values: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Rests:
    """What a class was learned from.

    label: The class, or the name of streams. clips: Files. minutes: Their length. speakers,
    sources, devices: Different ones that metadata.csv names; 0 where it names none.
    """

    label: str
    clips: int
    minutes: float
    speakers: int
    sources: int
    devices: int


@dataclass(frozen=True)
class Training:
    """What a training report shows.

    rests: What each class was learned from.
    clips: The int8 network on the test clips. window_s: Seconds a network window covers. top_khz:
    Frequency of the highest band where all bands are equally wide, else None.
    """

    name: str
    description: str
    metrics: Metrics
    clips: ClipFigures
    examples: list[Example]
    window_s: float
    top_khz: float | None
    rests: list[Rests] = field(default_factory=list)
