"""Judges a network on long recordings with label tracks, with the chip's chain, block by block."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.audio.reading import length_of, pcm_blocks
from otolith.data.labels import read_track
from otolith.errors import UserError
from otolith.evaluate.clips import number
from otolith.listen.chain import Chain
from otolith.listen.decide import Event
from otolith.listen.ending import Ending, is_complete
from otolith.report.results import (
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
from otolith.settings.detect import UNKNOWN, q15
from otolith.settings.metadata import Metadata

BLOCK = 1 << 18  # samples read at a time
HOUR = 3_600_000  # ms


@dataclass(frozen=True)
class Span:
    """A stretch of a recording that sounds like `label`; ms from the recording's start."""

    start_ms: float
    end_ms: float
    label: str


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


def blocks(path: Path, size: int = BLOCK) -> Iterator[tuple[np.ndarray, float]]:
    """Reads a sound file in blocks, as int16 mono at 16 kHz.

    The samples are those of otolith.audio.read_pcm(path, resample=True).

    Args:
        path: Any sound file.
        size: About how many samples to read at a time.

    Yields:
        A block and the share of the file read so far, 0 to 1.

    Raises:
        UserError: The file can't be read.
    """
    total, read = max(1, length_of(path)), 0
    for pcm in pcm_blocks(path, size=size):
        read += len(pcm)
        # resampling may end one sample early
        yield pcm, min(1.0, (read + 1) / total)


@dataclass(frozen=True)
class Recording:
    """One recording, judged.

    ignored: Labels of its track that can make no event, with counts. curve: (points, K) the highest
    smoothed score, 0 to 1, in every stretch of curve_ms.
    """

    name: str
    duration_ms: float
    spans: list[Span]
    events: list[Event]
    matched: Matched
    ignored: dict[str, int]
    curve: np.ndarray = field(repr=False)
    curve_ms: float


def listen(
    chain: Chain, path: Path, progress: Callable[[float], None] | None = None, points: int = 2000
) -> tuple[list[Event], float, np.ndarray, float]:
    """Runs a whole recording through the chain, which starts from silence.

    Args:
        chain: The network and everything around it.
        path: The recording. Room tone follows its end (otolith.listen.ending).
        progress: Called with the share heard.
        points: The curve has at most twice as many.

    Returns:
        The events, the recording's length in ms, the curve and its step in ms (see Recording).

    Raises:
        UserError: The file can't be read, or is empty.
    """
    chain.reset()
    events: list[Event] = []
    rows: list[np.ndarray] = []
    left: np.ndarray = np.empty(0, np.int16)
    heard, each = 0, 1

    def push(hop: np.ndarray) -> None:
        nonlocal rows, each
        result = chain.push(hop)
        if result.event:
            label, score = result.event
            events.append(Event(result.t_ms, label, score / 32767))
        smoothed = result.smoothed
        row = np.zeros(len(chain.labels), np.uint16) if smoothed is None else smoothed
        if (result.hop - 1) % each:
            rows[-1] = np.maximum(rows[-1], row)
            return
        rows.append(row)
        if len(rows) == 2 * points:  # a curve as long as a day must not take the memory of one
            rows = [np.maximum(a, b) for a, b in zip(rows[::2], rows[1::2], strict=True)]
            each *= 2

    ending = Ending(chain.metadata)

    def played() -> Iterator[tuple[np.ndarray, float]]:
        nonlocal heard
        for block, share in blocks(path):
            heard += len(block)
            ending.add(block)
            yield block, share
        if not is_complete(path):
            yield ending.pcm(), 1.0

    for block, share in played():
        left = np.concatenate([left, block])
        whole = len(left) // chain.hop * chain.hop
        for start in range(0, whole, chain.hop):
            push(left[start : start + chain.hop])
        left = left[whole:]
        if progress:
            progress(share)
    if not heard:
        raise UserError(f"{path}: no samples in it")
    if len(left):
        push(np.pad(left, (0, chain.hop - len(left))))
    curve = np.array(rows).reshape(-1, len(chain.labels)) / 32767
    return events, 1000 * heard / RATE, curve, 1000 * each * chain.hop / RATE


def track_beside(recording: Path) -> Path:
    """The label track that belongs to a recording: the same name with .txt, as Audacity does."""
    return recording.with_suffix(".txt")


def truth(track: Path, heard: Sequence[str]) -> tuple[list[Span], dict[str, int], list[str]]:
    """Reads a label track.

    Args:
        track: The file.
        heard: Labels that can make an event.

    Returns:
        Spans of those labels, counts of the other labels, and problems, one line each.
    """
    labels, problems = read_track(track)
    spans: list[Span] = []
    ignored: dict[str, int] = {}
    for label in labels:
        if label.label in heard:
            spans.append(Span(1000 * label.start, 1000 * label.end, label.label))
        else:
            ignored[label.label] = ignored.get(label.label, 0) + 1
    spans.sort(key=lambda s: (s.start_ms, s.end_ms))
    return spans, ignored, problems


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


def judge(
    chain: Chain,
    metadata: Metadata,
    recordings: Sequence[tuple[Path, Path | None]],
    early_ms: float,
    late_ms: float,
    progress: Callable[[Path, float], None] | None = None,
) -> StreamResult:
    """Listens to recordings and compares events with labels.

    Args:
        chain: The network and everything around it.
        metadata: The model's.
        recordings: Each with its label track; None if nothing in it should be heard. A recording
            that can't be read becomes a line in `problems`.
        early_ms: An event may come this long before its label.
        late_ms: An event may come this long after its label.
        progress: Called with the recording and the share heard.

    Raises:
        UserError: No recording could be read.
    """
    thresholds = metadata.detect.thresholds
    # what rounds to 0 on the chip never makes an event
    heard = [label for label in chain.labels if q15(thresholds.get(label, 0)) > 0]
    if metadata.detect.unknown_events and UNKNOWN not in heard:
        heard.append(UNKNOWN)
    judged: list[Recording] = []
    problems: list[str] = []
    notes: list[str] = []
    for path, track in recordings:
        try:
            spans, ignored, bad = truth(track, heard) if track else ([], {}, [])
            for line in bad:  # overlapping labels all count: for them a note is enough
                (problems if line.endswith("passed over") else notes).append(line)
            told = functools.partial(progress, path) if progress else None
            events, duration, curve, step = listen(chain, path, told)
        except UserError as error:
            problems.append(error.message)
            continue
        late = [s for s in spans if s.start_ms > duration]
        if late:
            problems.append(f"{track}: {len(late)} labels start after the recording ends")
            spans = [s for s in spans if s.start_ms <= duration]
        matched = match(spans, events, early_ms, late_ms)
        judged.append(Recording(str(path), duration, spans, events, matched, ignored, curve, step))
    if not judged:
        raise UserError(problems[0] if problems else "no recording given")
    return StreamResult(chain.labels, heard, thresholds, early_ms, late_ms, judged, problems, notes)


def false_alarms_at_most(count: int, hours: float) -> float:
    """Upper 95 % confidence limit of a rate of false alarms (Poisson, exact).

    An hour without any gives three an hour.

    Args:
        count: False alarms.
        hours: How long the network listened.
    """
    k = np.arange(count + 1)
    log_factorial = np.cumsum(np.log(np.maximum(k, 1)))
    low, high = 0.0, 3.0 * count + 6
    for _ in range(60):
        rate = (low + high) / 2
        chance = np.exp(k * np.log(rate) - rate - log_factorial).sum()  # of so few or fewer
        low, high = (rate, high) if chance > 0.05 else (low, rate)
    return high / hours


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
        recordings=len(result.recordings),
        hours=round(hours, 6),
        early_ms=result.early_ms,
        late_ms=result.late_ms,
        total=_hits(**every, hours=hours, latencies=all_latencies),
        classes=classes,
        ignored_labels=_sum([r.ignored for r in result.recordings]),
        events=[
            JudgedEvent(r.name, e.t_ms, e.label, round(e.score, 4), _verdict(r.matched, i))
            for r in result.recordings
            for i, e in enumerate(r.events)
        ],
        missed=[
            Missed(r.name, s.start_ms, s.end_ms, s.label)
            for r in result.recordings
            for s, hit in zip(r.spans, r.matched.hits, strict=True)
            if hit is None
        ],
        labels=result.labels,
        heard=result.heard,
        timelines=[_timeline(r) for r in result.recordings],
    )


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
