"""lib/detect for tests: the C code, and a reference implementation in plain Python."""

from dataclasses import dataclass, field

from otolith.native import library
from otolith.native.sources import lib

sources = lib("detect")
ffi, c = library("detect", sources.files, ("detect.h", "detect_settings.h"), sources.include)
UNKNOWN, NONE = -1, -2
DEFAULTS = {"smoothing": 1, "minimum_count": 1}


def text(reason) -> str | None:
    """Convert an error string of the C code."""
    return None if reason == ffi.NULL else ffi.string(reason).decode()


class Detector:
    """The C code. Settings are named as in detect_config_t; threshold is a list (Q15)."""

    def __init__(self, threshold, labels=(), **settings):
        settings = {**DEFAULTS, **settings, "threshold": threshold, "labels": len(threshold)}
        self.config = ffi.new("detect_config_t *", settings)
        self.state = ffi.new("detect_t *")
        self._names = [ffi.new("char[]", name.encode()) for name in labels]
        self.labels = ffi.new("const char *[]", self._names)
        self.status = c.detect_init(self.state, self.config)

    def step(self, *scores, level=1000, active=False):
        event = ffi.new("detect_event_t *")
        if c.detect_step(self.state, list(scores), level, active, event):
            return event.label, event.score
        return None

    @property
    def decision(self):
        return self.state.decision

    @property
    def smoothed(self):
        return list(self.state.smoothed[0 : self.config.labels])

    def set(self, assignment):
        """Call `detect_set`. Returns None, or the reason for its refusal."""
        return text(c.detect_set(self.state, self.labels, assignment.encode()))

    def bytes(self):
        return bytes(ffi.buffer(self.state))


@dataclass
class Plain:
    """The decision layer written naively: keeps the whole history and recomputes from it."""

    threshold: list[int]
    gate: int = 0
    gate_activity: int = 0
    gate_delay: int = 0
    gate_backoff: int = 0
    smoothing: int = 1
    minimum_count: int = 1
    suppression: int = 0
    vote: int = 0
    unknown_events: int = 0
    tells_activity: int = 1
    triggers: list[bool] = field(default_factory=list)
    openings: list[bool] = field(default_factory=list)
    counted: list[list[int]] = field(default_factory=list)
    decisions: list[int] = field(default_factory=list)  # before the vote
    events: list[tuple[int, int]] = field(default_factory=list)  # hop, label
    decision: int = NONE
    smoothed: list[int] = field(default_factory=list)

    def step(self, *scores, level=1000, active=False):
        hop = len(self.counted)
        gated = self.gate > 0 or self.gate_activity
        loud = level >= self.gate and (active or not self.gate_activity)
        self.triggers.append(bool(gated and loud))
        from_hop = hop - self.gate_delay
        self.openings.append(from_hop >= 0 and self.triggers[from_hop])
        is_open = not gated or any(self.openings[max(0, hop - self.gate_backoff) :])
        self.counted.append(list(scores) if is_open else [0] * len(scores))
        last = self.counted[-self.smoothing :]
        self.smoothed = [sum(column) // len(last) for column in zip(*last, strict=True)]
        self.decisions.append(self._decide(is_open))
        voters = max(1, self.vote)
        last = self.decisions[-voters:]
        winners = [d for d in set(last) if last.count(d) * 2 > voters]
        self.decision = winners[0] if winners else NONE
        return self._tell(hop)

    def _decide(self, is_open):
        if len(self.counted) < self.minimum_count:
            return NONE
        over = [
            (-score, label)
            for label, (score, least) in enumerate(zip(self.smoothed, self.threshold, strict=True))
            if least > 0 and score >= least
        ]
        return min(over)[1] if over else UNKNOWN if is_open else NONE

    def _tell(self, hop):
        def quiet(kinds):
            return not any(kinds(e) and hop - at <= self.suppression for at, e in self.events)

        label = self.decision
        if label >= 0 and quiet(lambda e: e >= 0):
            self.events.append((hop, label))
            return label, self.smoothed[label]
        if label == UNKNOWN and self.unknown_events and quiet(lambda e: True):
            self.events.append((hop, label))
            pairs = zip(self.smoothed, self.threshold, strict=True)
            return label, max([score for score, least in pairs if least > 0], default=0)
        return None
