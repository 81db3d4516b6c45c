"""Keeps the seconds around what a detector heard, or nearly heard, for a review later.

A collection is a folder with WAV files and a metadata.csv whose rows say what was heard. Its size
is bounded: the oldest near misses go first, then the oldest events.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.data import metadata
from otolith.data.adding import batch
from otolith.data.metadata import Row
from otolith.data.names import folder_of, inside
from otolith.errors import UserError
from otolith.files import disk_errors

EVENT, NEAR = "event", "near miss"
BEFORE_S, AFTER_S = 3.0, 1.0  # kept around an event
NEAR_SHARE = 0.5  # of a threshold: a score from here on is a near miss
APART_S = 1.0  # between near misses of a class; one so close to an event is that event
LIMIT_MB = 200
WAS = "collected"  # column that says what a clip was: EVENT or NEAR


@dataclass
class _Near:
    """Scores of a class that have come near its threshold and not yet gone down again."""

    began_ms: float
    t_ms: float
    score: float


@dataclass
class Collector:
    """Keeps clips of one session.

    Sound and scores must come in order; a score's time is within what has been heard, or less than
    AFTER_S beyond it.

    folder: Where clips go; created if need be. thresholds: Of each class that makes events, 0 to 1.
    about: Columns that all rows share: device, note. hash: Of the model. near: Share of a threshold
    from which on a score is a near miss. limit: Bytes of sound to keep.
    """

    folder: Path
    thresholds: Mapping[str, float]
    device: str = ""
    hash: str = ""
    near: float = NEAR_SHARE
    limit: int = LIMIT_MB * 1_000_000
    started: datetime = field(default_factory=datetime.now)
    events: int = 0
    near_misses: int = 0
    dropped: int = 0

    def __post_init__(self) -> None:
        """Checks the folder, before anything is heard.

        Raises:
            UserError: It can't be used.
        """
        with metadata.lock(self.folder):
            metadata.load(self.folder)
        self._sound: list[np.ndarray] = []
        self._start = self._end = 0  # samples: of what is kept of the sound
        self._due: list[tuple[str, str, float, float]] = []  # what, label, ms, score
        self._near: dict[str, _Near] = {}
        self._last: dict[str, float] = {}  # ms of the newest event, by label

    def hear(self, pcm: np.ndarray) -> None:
        """Takes the next int16 samples at 16 kHz."""
        self._sound.append(pcm)
        self._end += len(pcm)
        heard_ms = 1000 * self._end / RATE
        ready = [d for d in self._due if d[2] + 1000 * AFTER_S <= heard_ms]
        if ready:
            self._due = [d for d in self._due if d not in ready]
            self._keep(ready)
        oldest = min((d[2] for d in self._due), default=heard_ms)
        oldest = min([oldest, *(n.t_ms for n in self._near.values())])
        first = round(oldest * RATE / 1000) - round((BEFORE_S + AFTER_S) * RATE)
        while self._sound and self._start + len(self._sound[0]) < first:
            self._start += len(self._sound.pop(0))

    def event(self, t_ms: float, label: str, score: float) -> None:
        """Takes an event. One that follows another of its class at once is in the same clip."""
        self._last[label] = t_ms
        self._near.pop(label, None)
        if any(d[0] == EVENT and d[1] == label and _by(d, t_ms) for d in self._due):
            return
        self._due = [d for d in self._due if not (d[0] == NEAR and d[1] == label and _by(d, t_ms))]
        self._due.append((EVENT, label, t_ms, score))

    def scores(self, t_ms: float, smoothed: Iterable[tuple[str, float]]) -> None:
        """Takes the smoothed scores of a hop, 0 to 1, by label. Its event, if any, comes first."""
        for label, score in smoothed:
            threshold = self.thresholds.get(label, 0.0)
            if threshold <= 0:
                continue
            running = self._near.get(label)
            if running is not None and t_ms - running.began_ms > 2000 * APART_S:
                self._end_near(label)
                running = None
            if score < self.near * threshold:
                if running is not None:
                    self._end_near(label)
            elif running is None:
                self._near[label] = _Near(t_ms, t_ms, score)
            elif score > running.score:
                running.t_ms, running.score = t_ms, score

    def _end_near(self, label: str) -> None:
        near = self._near.pop(label)
        last = self._last.get(label, -np.inf)
        if near.t_ms - last <= 1000 * (APART_S + BEFORE_S):
            return  # the fading end of an event
        if any(d[0] == NEAR and d[1] == label and _by(d, near.t_ms) for d in self._due):
            return
        self._last[label] = near.t_ms
        self._due.append((NEAR, label, near.t_ms, near.score))

    def _keep(self, due: Iterable[tuple[str, str, float, float]]) -> None:
        sound = np.concatenate(self._sound) if self._sound else np.empty(0, np.int16)
        with batch(self.folder) as clips:
            for what, label, t_ms, score in due:
                at = round(t_ms * RATE / 1000) - self._start
                first = max(0, at - round(BEFORE_S * RATE))
                pcm = sound[first : at + round(AFTER_S * RATE)]
                when = self.started + timedelta(milliseconds=t_ms)
                stem = f"{when:%Y%m%d-%H%M%S}-{when.microsecond // 1000:03}"
                row = Row(
                    f"{folder_of(label)}/{stem}.wav",
                    label,
                    date=when.astimezone().isoformat(timespec="seconds"),
                    device=self.device,
                    extra={
                        WAS: what,
                        "score": f"{score:.4f}",
                        "at_ms": str(round(1000 * (at - first) / RATE)),
                        "model": self.hash,
                    },
                )
                if len(pcm):
                    clips.add(pcm, row)
                    self.events += what == EVENT
                    self.near_misses += what == NEAR
            clips.save()
        self.dropped += shrink(self.folder, self.limit)

    def finish(self) -> str:
        """Keeps what is still due, and says in a line what was kept."""
        for label in list(self._near):
            self._end_near(label)
        if self._due:
            self._keep(self._due)
            self._due = []
        gone = f", {self.dropped} of the oldest removed to stay below the limit"
        return (
            f"{self.folder}: {self.events} events and {self.near_misses} near misses kept"
            f"{gone if self.dropped else ''}; review them with: host data review {self.folder}"
        )


def _by(due: tuple[str, str, float, float], t_ms: float) -> bool:
    return abs(due[2] - t_ms) <= 1000 * APART_S


def shrink(folder: Path, limit: int) -> int:
    """Removes the oldest clips, near misses first, until the sound takes at most `limit` bytes.

    Returns:
        How many were removed.
    """
    rows = metadata.load(folder).rows
    sizes = {row.file: _size(folder, row.file) for row in rows}
    total = sum(sizes.values())
    order = sorted(rows, key=lambda r: (r.extra.get(WAS) != NEAR, r.date, r.file))
    gone = []
    for row in order:
        if total <= limit:
            break
        total -= sizes[row.file]
        gone.append(row.file)
    if gone:
        remove(folder, gone)
    return len(gone)


def _size(folder: Path, file: str) -> int:
    try:
        return inside(folder, file).stat().st_size
    except (OSError, UserError):
        return 0


def remove(folder: Path, files: Iterable[str]) -> None:
    """Removes clips of a collection and their rows."""
    gone = {file: inside(folder, file) for file in files}
    with metadata.lock(folder), disk_errors(folder):
        rows = metadata.load(folder)
        rows.rows = [row for row in rows.rows if row.file not in gone]
        with metadata.pending(folder, gone):
            rows.save(folder)
            for path in gone.values():
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    path.parent.rmdir()
