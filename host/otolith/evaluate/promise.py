"""Chooses thresholds and smoothing so that a detector keeps a promise of false accepts an hour.

Every class gets the lowest threshold that its share of the promise allows, on streams that had no
part in training. Smoothing is the one that then misses fewest takes. Scores are computed once; the
rule of lib/detect is applied to them for every threshold (otolith.listen.decide).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from otolith.evaluate.poisson import false_alarms_at_most, hours_needed, interval
from otolith.evaluate.recordings import Span, Stream, Take
from otolith.listen.decide import Event, decide, decisive, smooth, spaced
from otolith.report.results import ClassCurve, CurvePoint, Decisions, Promise, Rate
from otolith.settings.detect import ONE, Detect, decimal, q15

DEFAULT_RATE = 0.5  # false accepts an hour, where nobody says
SMOOTHINGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)  # hops, tried
LONGEST_MS = 1000  # of them, unless the model has longer
MANY = 1000  # false accepts an hour: a curve ends there
FEW = 100  # false accepts of a recording a curve goes to at least
SUSPICIOUS = 20  # accepts an hour that score like takes: the streams may contain the word
PARTS = 5  # of the streams, for the estimate on parts that had none in the choice


def _grid() -> np.ndarray:
    """Thresholds to try, Q15, rising: hundredths, and closer ones towards 0 and 1."""
    logits = np.linspace(-8, 8, 321)
    values = np.concatenate([1 / (1 + np.exp(-logits)), np.arange(1, 100) / 100])
    return np.unique([q15(v) for v in values])


GRID = _grid()


@dataclass(frozen=True)
class Counts:
    """One class alone at every threshold of GRID, with one smoothing.

    accepts: (streams, GRID) events outside the labels of the class; -1 where there are more than a
    curve shows. hits: (streams, GRID) labels that have an event. spans: (streams,) labels. peaks:
    (takes,) the highest threshold, Q15, at which each take is heard.
    """

    accepts: np.ndarray
    hits: np.ndarray
    spans: np.ndarray
    peaks: np.ndarray

    @property
    def positives(self) -> int:
        """Takes and labels."""
        return int(self.spans.sum()) + len(self.peaks)

    def false_accepts(self, parts: np.ndarray | None = None) -> np.ndarray:
        """(GRID,) of some streams; -1 where there are too many to count."""
        mine = self.accepts if parts is None else self.accepts[parts]
        return np.where((mine < 0).any(0), -1, mine.sum(0))

    def misses(self, parts: np.ndarray | None = None) -> np.ndarray:
        """(GRID,) takes and labels without an event. All takes count, whatever the streams."""
        hits, spans = self.hits, self.spans
        if parts is not None:
            hits, spans = hits[parts], spans[parts]
        heard = (self.peaks[:, None] >= GRID).sum(0)
        return len(self.peaks) - heard + spans.sum() - hits.sum(0)


@dataclass(frozen=True)
class Setting:
    """How an event is assigned to a label: early_ms before it to late_ms after it."""

    early_ms: float
    late_ms: float


def count(
    streams: Sequence[Stream],
    takes: Sequence[Take],
    number: int,
    label: str,
    detect: Detect,
    margin: Setting,
) -> Counts:
    """Counts what a class alone does at every threshold.

    Args:
        streams: Recordings that were heard.
        takes: Clips that were heard, of any class.
        number: The class.
        label: Its name.
        detect: Settings of the decision layer; the class's threshold does not matter.
        margin: How far from a label an event still belongs to it.
    """
    accepts = np.full((len(streams), len(GRID)), -1)
    hits = np.zeros((len(streams), len(GRID)), int)
    spans = np.zeros(len(streams), int)
    for row, stream in enumerate(streams):
        mine = [s for s in stream.spans if s.label == label]
        spans[row] = len(mine)
        _count_stream(stream, number, mine, detect, margin, accepts[row], hits[row])
    peaks = [int(_decisive(t, number, detect).max(initial=-1)) for t in takes if t.label == label]
    return Counts(accepts, hits, spans, np.array(peaks, int))


def _decisive(sound: Stream | Take, number: int, detect: Detect) -> np.ndarray:
    smoothed = smooth(sound.heard.scores[:, number], detect.smoothing)
    return decisive(smoothed, detect.minimum_count, detect.vote)


def _count_stream(
    stream: Stream,
    number: int,
    spans: Sequence[Span],
    detect: Detect,
    margin: Setting,
    accepts: np.ndarray,
    hits: np.ndarray,
) -> None:
    """Fills a row of Counts, from the highest threshold down until there are too many events."""
    levels = _decisive(stream, number, detect)
    order = np.argsort(-levels, kind="stable")
    rising = -levels[order]
    most = max(FEW, MANY * stream.heard.seconds / 3600)
    near = _Near(spans, margin)
    for at in range(len(GRID) - 1, -1, -1):
        above = int(np.searchsorted(rising, -GRID[at], side="right"))
        hops = spaced(np.sort(order[:above]), detect.suppression_hops)
        times = np.asarray(stream.heard.t_ms(hops), float)
        inside = near.holds(times)
        outside = int((~inside).sum())
        hits[at] = near.hits(times[inside])
        if outside > most:
            hits[: at + 1] = hits[at]
            return
        accepts[at] = outside


class _Near:
    """The stretches in which an event of a class belongs to one of its labels."""

    def __init__(self, spans: Sequence[Span], margin: Setting) -> None:
        ordered = sorted(spans, key=lambda s: s.end_ms)
        self._starts = np.array([s.start_ms - margin.early_ms for s in ordered])
        self._ends = np.array([s.end_ms + margin.late_ms for s in ordered])

    def holds(self, times: np.ndarray) -> np.ndarray:
        """Which of the events lie near a label."""
        starts, ends = np.sort(self._starts), np.sort(self._ends)
        begun = np.searchsorted(starts, times, side="right")
        over = np.searchsorted(ends, times, side="left")
        return begun > over

    def hits(self, times: np.ndarray) -> int:
        """How many labels have an event: each event takes the free label that ends first."""
        free = np.ones(len(self._starts), bool)
        for t in times:
            mine = np.flatnonzero(free & (self._starts <= t) & (t <= self._ends))
            if len(mine):
                free[mine[0]] = False
        return int((~free).sum())


# ---- the choice ----


@dataclass(frozen=True)
class _Level:
    """A class's place on its curve: index into GRID, and false accepts there."""

    at: int
    used: int


@dataclass
class _Choice:
    """Thresholds (indices into GRID) for one smoothing, and what they miss."""

    detect: Detect
    places: list[int]
    misses: int
    counts: list[Counts] = field(repr=False)


def _with_smoothing(detect: Detect, smoothing: int) -> Detect:
    """The settings with another smoothing; a minimum count that was all of it stays so."""
    full = detect.minimum_count == detect.smoothing
    least = smoothing if full else min(detect.minimum_count, smoothing)
    return replace(detect, smoothing=smoothing, minimum_count=least)


def _smoothings(detect: Detect, hop_ms: float) -> list[int]:
    """Those to try, the model's first: where several miss the same, the nearest stays."""
    most = max(LONGEST_MS / hop_ms, detect.smoothing)
    found = {detect.smoothing, *(s for s in SMOOTHINGS if s <= most)}
    return sorted(found, key=lambda s: abs(np.log(s / detect.smoothing)))


def _reach(accepts: np.ndarray, allowed: int) -> int:
    """The lowest place from which on, upwards, no threshold has more false accepts."""
    bad = np.flatnonzero((accepts < 0) | (accepts > allowed))
    return int(bad[-1]) + 1 if len(bad) else 0


def _steps(accepts: np.ndarray, above: int, most: int) -> list[int]:
    """Counts of false accepts that a lower threshold has, above one and up to another."""
    counts = np.unique(accepts)
    return [int(c) for c in counts[(counts > above) & (counts <= most)]]


def _places(accepts: Sequence[np.ndarray], misses: Sequence[np.ndarray], allowed: int) -> list[int]:
    """The place of each class: all start without false accepts, then those that gain most from
    further ones get them."""
    levels = [_Level(min(_reach(a, 0), len(GRID) - 1), 0) for a in accepts]
    left = allowed
    while left > 0:
        best: tuple[float, int, _Level] | None = None
        for number, level in enumerate(levels):
            for used in _steps(accepts[number], level.used, level.used + left):
                at = min(_reach(accepts[number], used), len(GRID) - 1)
                gain = float(misses[number][level.at] - misses[number][at]) / (used - level.used)
                if gain > 0 and (best is None or gain > best[0]):
                    best = gain, number, _Level(at, used)
        if best is None:
            break
        left -= best[2].used - levels[best[1]].used
        levels[best[1]] = best[2]
    return [_middle(level.at, m) for level, m in zip(levels, misses, strict=True)]


def _middle(at: int, misses: np.ndarray) -> int:
    """The middle between a place and the highest one that misses no more.

    A class without takes stays where it is, as does one that hears none of them.
    """
    if misses[at] == misses[-1]:
        return at
    same = np.flatnonzero(misses[at:] == misses[at])
    return at + int(same[-1]) // 2


def _even(accepts: Sequence[np.ndarray], allowed: int) -> list[int]:
    """The place of each class where no take says which of them needs false accepts most."""
    share = allowed // len(accepts)
    return [min(_reach(a, share), len(GRID) - 1) for a in accepts]


def _choose(
    counted: dict[int, list[Counts]],
    detect: Detect,
    order: Sequence[int],
    allowed: int,
    parts: np.ndarray | None = None,
) -> _Choice:
    """The smoothing and places that miss fewest and keep to `allowed`, on some of the streams."""
    best: _Choice | None = None
    for smoothing in order:
        counts = counted[smoothing]
        accepts = [c.false_accepts(parts) for c in counts]
        misses = [c.misses(parts) for c in counts]
        known = any(c.positives for c in counts)
        places = _places(accepts, misses, allowed) if known else _even(accepts, allowed)
        missed = int(sum(m[p] for m, p in zip(misses, places, strict=True)))
        if best is None or missed < best.misses:
            best = _Choice(_with_smoothing(detect, smoothing), places, missed, counts)
    assert best is not None
    return best


def _thresholds(labels: Sequence[str], places: Sequence[int]) -> dict[str, float]:
    return {
        label: float(decimal(int(GRID[place]))) for label, place in zip(labels, places, strict=True)
    }


def false_accepts(
    streams: Sequence[Stream], detect: Detect, classes: Sequence[str], margin: Setting
) -> list[Event]:
    """The events that belong to no label, with all classes at work."""
    found = []
    for stream in streams:
        near = {
            label: _Near([s for s in stream.spans if s.label == label], margin) for label in classes
        }
        for event in decide(stream.heard, detect, classes):
            if event.label not in near or not near[event.label].holds(np.array([event.t_ms]))[0]:
                found.append(event)
    return found


def rate(events: int, hours: float) -> Rate:
    """A count of events in some hours."""
    low, high = interval(events, hours)
    return Rate(events, round(events / hours, 6), round(low, 6), round(high, 6))


def _decisions(
    streams: Sequence[Stream],
    takes: Sequence[Take],
    detect: Detect,
    classes: Sequence[str],
    labels: Sequence[str],
    margin: Setting,
    hours: float,
) -> Decisions:
    """What settings do, with all classes at work."""
    wrong = false_accepts(streams, detect, classes, margin)
    misses = dict.fromkeys(labels, 0)
    for take in takes:
        if take.label in misses:
            events = decide(take.heard, detect, classes)
            misses[take.label] += all(e.label != take.label for e in events)
    for stream in streams:
        events = decide(stream.heard, detect, classes)
        for label in labels:
            spans = [s for s in stream.spans if s.label == label]
            times = np.array([e.t_ms for e in events if e.label == label])
            misses[label] += len(spans) - _Near(spans, margin).hits(times)
    return Decisions(
        [detect.thresholds[label] for label in labels],
        detect.smoothing,
        [misses[label] for label in labels],
        [rate(sum(e.label == label for e in wrong), hours) for label in labels],
        rate(len(wrong), hours),
    )


def curve(label: str, threshold: float, counts: Counts, hours: float) -> ClassCurve:
    """The curve of a class, from the highest threshold down."""
    accepts, misses = counts.false_accepts(), counts.misses()
    points: list[CurvePoint] = []
    for at in range(len(GRID) - 1, -1, -1):
        wrong, missed = int(accepts[at]), int(misses[at])
        if wrong < 0:
            break
        if points and (points[-1].false_accepts, points[-1].misses) == (wrong, missed):
            continue
        told = rate(wrong, hours)
        points.append(
            CurvePoint(
                round(int(GRID[at]) / ONE, 5), missed, wrong, told.per_hour, told.low, told.high
            )
        )
    return ClassCurve(label, threshold, counts.positives, round(hours, 6), points)


def curves(
    streams: Sequence[Stream],
    takes: Sequence[Take],
    detect: Detect,
    classes: Sequence[str],
    margin: Setting,
) -> list[ClassCurve]:
    """The curve of every class that has a threshold, with the smoothing of `detect`."""
    hours = hours_of(streams)
    return [
        curve(
            label,
            detect.thresholds[label],
            count(streams, takes, number, label, detect, margin),
            hours,
        )
        for number, label in enumerate(classes)
        if q15(detect.thresholds.get(label, 0)) > 0
    ]


def hours_of(streams: Sequence[Stream]) -> float:
    """How long the recordings are together."""
    return sum(s.heard.seconds for s in streams) / 3600


def promise(
    streams: Sequence[Stream],
    takes: Sequence[Take],
    detect: Detect,
    classes: Sequence[str],
    hop_ms: float,
    margin: Setting,
    asked: float,
) -> tuple[Detect, Promise]:
    """Chooses thresholds and smoothing.

    Args:
        streams: Recordings that had no part in training, heard.
        takes: Clips of the classes that had no part in training, heard; may be none.
        detect: The model's settings. Classes without a threshold get none.
        classes: The network's classes.
        hop_ms: Length of a hop.
        margin: How far from a label an event still belongs to it.
        asked: False accepts an hour, of all classes together.

    Returns:
        The settings, and what they do.
    """
    labels = [label for label in classes if q15(detect.thresholds.get(label, 0)) > 0]
    numbers = [classes.index(label) for label in labels]
    hours = hours_of(streams)
    positives = any(t.label in labels for t in takes) or any(s.spans for s in streams)
    order = _smoothings(detect, hop_ms) if positives else [detect.smoothing]
    counted = {
        smoothing: [
            count(streams, takes, n, label, _with_smoothing(detect, smoothing), margin)
            for n, label in zip(numbers, labels, strict=True)
        ]
        for smoothing in order
    }
    allowed = int(asked * hours + 1e-9)
    chosen = _choose(counted, detect, order, allowed)
    after = _kept(streams, chosen, classes, labels, margin, allowed)
    final = _with_promise(after, asked)
    was = _decisions(streams, takes, detect, classes, labels, margin, hours)
    now = _decisions(streams, takes, final, classes, labels, margin, hours)
    held = _held_out(streams, counted, detect, order, asked, classes, labels, margin)
    curve_of = [
        curve(label, final.thresholds[label], c, hours)
        for label, c in zip(labels, counted[final.smoothing], strict=True)
    ]
    limit = false_alarms_at_most(now.total.count, hours)
    found = Promise(
        asked,
        round(hours, 6),
        sum(len(s.source.files) for s in streams),
        labels,
        [c.positives for c in chosen.counts],
        was,
        now,
        held,
        round(limit, 6),
        round(hours_needed(asked), 6),
        curve_of,
    )
    return final, replace(found, warnings=_warnings(found, chosen.counts, hours))


def _with_promise(detect: Detect, asked: float) -> Detect:
    return replace(detect, false_accepts_per_hour=float(asked), streams=())


def _kept(
    streams: Sequence[Stream],
    chosen: _Choice,
    classes: Sequence[str],
    labels: Sequence[str],
    margin: Setting,
    allowed: int,
) -> Detect:
    """The settings of a choice. Classes were counted one by one: where together they make more
    events than allowed, because one's suppression moves another's events, thresholds rise."""
    places = list(chosen.places)
    while True:
        detect = replace(chosen.detect, thresholds=_thresholds(labels, places))
        wrong = [e.label for e in false_accepts(streams, detect, classes, margin)]
        mine = [label for label in labels if label in wrong]
        if len(wrong) <= allowed or not mine:
            return detect
        worst = max(range(len(labels)), key=lambda n: wrong.count(labels[n]))
        if places[worst] == len(GRID) - 1:
            return detect
        places[worst] += 1


def _held_out(
    streams: Sequence[Stream],
    counted: dict[int, list[Counts]],
    detect: Detect,
    order: Sequence[int],
    asked: float,
    classes: Sequence[str],
    labels: Sequence[str],
    margin: Setting,
) -> Rate | None:
    """False accepts where each part of the streams is judged by what the others chose."""
    groups = [s.source.speaker or str(n) for n, s in enumerate(streams)]
    names = sorted(set(groups))
    if len(names) < 2:
        return None
    part = np.array([names.index(g) % PARTS for g in groups])
    wrong, hours = 0, 0.0
    for number in range(min(PARTS, len(names))):
        mine = part == number
        others = [s for s, m in zip(streams, mine, strict=True) if not m]
        judged = [s for s, m in zip(streams, mine, strict=True) if m]
        chosen = _choose(counted, detect, order, int(asked * hours_of(others) + 1e-9), ~mine)
        settings = replace(chosen.detect, thresholds=_thresholds(labels, chosen.places))
        wrong += len(false_accepts(judged, settings, classes, margin))
        hours += hours_of(judged)
    return rate(wrong, hours)


def _warnings(found: Promise, counts: Sequence[Counts], hours: float) -> list[str]:
    """What makes the promise worth less than it sounds, a line each."""
    lines = []
    if found.limit > found.asked:
        told = f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"
        lines.append(
            f"{told} of streams can't show {found.asked:g} false accepts an hour: with "
            f"{found.after.total.count} there may be up to {found.limit:.2g} an hour (95 %); "
            f"{found.hours_needed:.1f} hours without one would show it"
        )
    for label, c, missed, wrong in zip(
        found.labels, counts, found.after.misses, found.after.false_accepts, strict=True
    ):
        if not c.positives:
            lines.append(f"{label}: no take of it was played: its misses are not measured")
        elif missed == c.positives:
            lines.append(
                f"{label}: none of its {c.positives} takes is heard at a threshold that keeps the "
                "promise: train it on sounds like these streams, or allow more false accepts"
            )
        if wrong.per_hour > found.asked:
            lines.append(f"{label}: {wrong.per_hour:.1f} false accepts an hour at any threshold")
        strong = float(np.median(c.peaks)) if len(c.peaks) else float(q15(0.9))
        at = min(int(np.searchsorted(GRID, strong)), len(GRID) - 1)
        alike = int(c.false_accepts()[at])
        if alike < 0 or alike > max(2.0, SUSPICIOUS * hours):
            many = "hundreds an hour" if alike < 0 else f"{alike / hours:.0f} an hour"
            lines.append(
                f"{label}: accepts in the streams, {many}, score like the class itself: if they "
                "contain it, label it in a track beside the recording (.txt), or leave those out"
            )
    return lines
