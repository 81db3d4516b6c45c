"""Judges a network on long recordings with label tracks, with the chip's chain, block by block."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from otolith.audio import RATE
from otolith.evaluate.clips import number
from otolith.evaluate.poisson import false_alarms_at_most
from otolith.evaluate.promise import Setting, curves
from otolith.evaluate.recordings import Progress, Source, Span, Stream, hear
from otolith.listen.decide import Event, decide, smooth
from otolith.report.results import (
    ClassCurve,
    ClassHits,
    Hits,
    JudgedEvent,
    Latency,
    Mark,
    Missed,
    StreamFigures,
    Stretch,
    Timeline,
)
from otolith.settings.detect import ONE, UNKNOWN, q15
from otolith.settings.metadata import Metadata

HOUR = 3_600_000  # ms


@dataclass(frozen=True)
class Matched:
    """Events assigned to spans.

    hits: For each span the index of its event, None if it was missed. repeats: Events in a span
    that has its event already. false_alarms: All other events.
    """

    hits: list[int | None]
    repeats: list[int]
    false_alarms: list[int]

    def latencies(self, spans: Sequence[Span], events: Sequence[Event]) -> list[float | None]:
        """For each span the ms from its start to its event, None if it was missed."""
        return [
            None if hit is None else events[hit].t_ms - span.start_ms
            for hit, span in zip(self.hits, spans, strict=True)
        ]


def match(
    spans: Sequence[Span], events: Sequence[Event], early_ms: float, late_ms: float
) -> Matched:
    """Assigns events to spans of the same label.

    An event may come from early_ms before its span to late_ms after it. Each event hits at most one
    span and each span is hit at most once. Among several spans an event takes the one that ends
    first, so that as many spans as possible are hit.
    """
    hits: list[int | None] = [None] * len(spans)
    repeats: list[int] = []
    false_alarms: list[int] = []
    for e in sorted(range(len(events)), key=lambda e: events[e].t_ms):
        event = events[e]
        near = [
            s
            for s, span in enumerate(spans)
            if span.label == event.label
            and span.start_ms - early_ms <= event.t_ms <= span.end_ms + late_ms
        ]
        free = [s for s in near if hits[s] is None]
        if free:
            hits[min(free, key=lambda s: spans[s].end_ms)] = e
        else:
            (repeats if near else false_alarms).append(e)
    return Matched(hits, repeats, false_alarms)


@dataclass(frozen=True)
class Recording:
    """One recording, or short ones heard one after another, judged.

    ends_ms: Where each of its files ends. ignored: Labels of its track that can make no event, with
    counts. curve: (points, K) the highest smoothed score, 0 to 1, in every stretch of curve_ms.
    """

    source: Source
    ends_ms: list[float]
    spans: list[Span]
    events: list[Event]
    matched: Matched
    ignored: dict[str, int]
    curve: np.ndarray = field(repr=False)
    curve_ms: float

    @property
    def name(self) -> str:
        """For people."""
        return self.source.name

    @property
    def duration_ms(self) -> float:
        """Its length."""
        return self.ends_ms[-1]

    def place(self, t_ms: float) -> tuple[str, float]:
        """The file that is heard at a time, and the time from that file's start."""
        at = min(bisect.bisect_right(self.ends_ms, t_ms), len(self.ends_ms) - 1)
        return str(self.source.files[at]), t_ms - (self.ends_ms[at - 1] if at else 0.0)


def timeline(stream: Stream, smoothing: int, points: int = 2000) -> tuple[np.ndarray, float]:
    """The smoothed scores of a recording, for a plot.

    Args:
        stream: The recording, heard.
        smoothing: Hops.
        points: There are at most twice as many.

    Returns:
        (points, K) the highest smoothed score, 0 to 1, in every stretch, and its length in ms.
    """
    heard = stream.heard
    silent, hops = heard.first - 1, heard.first - 1 + len(heard.scores)
    each = 1
    while -(-hops // each) > 2 * points:
        each *= 2
    rows = -(-hops // each)
    found = np.zeros((rows, heard.scores.shape[1]))
    for column in range(heard.scores.shape[1]):
        smoothed = smooth(heard.scores[:, column], smoothing)
        whole = np.pad(smoothed, (silent, rows * each - hops))
        found[:, column] = whole.reshape(rows, each).max(1) / ONE
    return found, 1000 * each * heard.hop / RATE


@dataclass(frozen=True)
class StreamResult:
    """All recordings, judged.

    labels: The network's classes. heard: Those that can make an event. problems: What could not be
    read, a line each.
    """

    labels: list[str]
    heard: list[str]
    thresholds: dict[str, float]
    early_ms: float
    late_ms: float
    recordings: list[Recording]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    curves: list[ClassCurve] = field(default_factory=list, repr=False)


def judge(
    model: bytes,
    metadata: Metadata,
    labels: Sequence[str],
    recordings: Sequence[Source],
    early_ms: float,
    late_ms: float,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> StreamResult:
    """Listens to recordings, once, and compares events with labels.

    Args:
        model: The .tflite's bytes.
        metadata: The model's.
        labels: Its classes.
        recordings: What to hear. What can't be read becomes a line in `problems`.
        early_ms: An event may come this long before its label.
        late_ms: An event may come this long after its label.
        scheduler: Address of a Dask scheduler; None for this computer's cores.
        progress: Called with a text and the share heard.

    Raises:
        UserError: No recording could be read.
    """
    detect = metadata.detect
    # what rounds to 0 on the chip never makes an event
    heard = [label for label in labels if q15(detect.thresholds.get(label, 0)) > 0]
    if detect.unknown_events and UNKNOWN not in heard:
        heard.append(UNKNOWN)
    streams, problems = hear(model, recordings, heard, scheduler, progress)
    notes = [note for stream in streams for note in stream.notes]
    problems += [problem for stream in streams for problem in stream.problems]
    judged: list[Recording] = []
    for stream in streams:
        events = decide(stream.heard, detect, labels)
        judged.append(
            Recording(
                stream.source,
                stream.ends_ms,
                stream.spans,
                events,
                match(stream.spans, events, early_ms, late_ms),
                stream.ignored,
                *timeline(stream, detect.smoothing),
            )
        )
    margin = Setting(early_ms, late_ms)
    found = curves(streams, (), detect, list(labels), margin)
    return StreamResult(
        list(labels), heard, detect.thresholds, early_ms, late_ms, judged, problems, notes, found
    )


def _hits(
    hits: int, misses: int, repeats: int, false_alarms: int, hours: float, latencies: list[float]
) -> Hits:
    return Hits(
        labels=hits + misses,
        hits=hits,
        misses=misses,
        hit_rate=round(hits / (hits + misses), 6) if hits + misses else None,
        repeats=repeats,
        false_alarms=false_alarms,
        false_alarms_per_hour=round(false_alarms / hours, 6),
        false_alarms_per_hour_at_most=round(false_alarms_at_most(false_alarms, hours), 6),
        latency_ms=Latency(
            number(float(np.mean(latencies))) if latencies else None,
            number(float(np.percentile(latencies, 90))) if latencies else None,
        ),
    )


def summary(result: StreamResult) -> StreamFigures:
    """Works out every figure of recordings that were judged."""
    hours = sum(r.duration_ms for r in result.recordings) / HOUR
    classes = []
    keys = ("hits", "misses", "repeats", "false_alarms")
    every: dict[str, int] = dict.fromkeys(keys, 0)
    all_latencies: list[float] = []
    for label in result.heard:
        count = dict.fromkeys(keys, 0)
        latencies: list[float] = []
        for r in result.recordings:
            waits = r.matched.latencies(r.spans, r.events)
            mine = [w for w, s in zip(waits, r.spans, strict=True) if s.label == label]
            latencies += [w for w in mine if w is not None]
            count["hits"] += sum(w is not None for w in mine)
            count["misses"] += sum(w is None for w in mine)
            count["repeats"] += sum(r.events[e].label == label for e in r.matched.repeats)
            count["false_alarms"] += sum(r.events[e].label == label for e in r.matched.false_alarms)
        classes.append(ClassHits(label, _hits(**count, hours=hours, latencies=latencies)))
        all_latencies += latencies
        every = {key: every[key] + count[key] for key in keys}
    return StreamFigures(
        recordings=sum(len(r.source.files) for r in result.recordings),
        hours=round(hours, 6),
        early_ms=result.early_ms,
        late_ms=result.late_ms,
        total=_hits(**every, hours=hours, latencies=all_latencies),
        classes=classes,
        ignored_labels=_sum([r.ignored for r in result.recordings]),
        events=[
            JudgedEvent(*r.place(e.t_ms), e.label, round(e.score, 4), _verdict(r.matched, i))
            for r in result.recordings
            for i, e in enumerate(r.events)
        ],
        missed=[
            _missed(r, s)
            for r in result.recordings
            for s, hit in zip(r.spans, r.matched.hits, strict=True)
            if hit is None
        ],
        labels=result.labels,
        heard=result.heard,
        timelines=[_timeline(r) for r in result.recordings],
        curves=result.curves,
    )


def _missed(r: Recording, span: Span) -> Missed:
    name, start_ms = r.place(span.start_ms)
    return Missed(name, start_ms, start_ms + span.end_ms - span.start_ms, span.label)


def _timeline(r: Recording) -> Timeline:
    wrong = set(r.matched.false_alarms)
    return Timeline(
        r.name,
        r.duration_ms,
        [
            Stretch(s.start_ms, s.end_ms, s.label, hit is not None)
            for s, hit in zip(r.spans, r.matched.hits, strict=True)
        ],
        [Mark(e.t_ms, e.label, i in wrong) for i, e in enumerate(r.events)],
        r.curve,
        r.curve_ms,
    )


def _verdict(matched: Matched, event: int) -> str:
    if event in matched.false_alarms:
        return "false alarm"
    return "repeat" if event in matched.repeats else "hit"


def _sum(counts: list[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for key, value in count.items():
            total[key] = total.get(key, 0) + value
    return total
