"""[detect]: how scores become events (lib/detect). The names, ranges and defaults also serve a
model's metadata, `host device set` and the wire.

The decision layer counts hops; a hop is `deploy.hop_frames` frames. `average_ms` and
`suppression_ms` may be written instead of whole numbers of hops.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from otolith.errors import UserError, short
from otolith.settings.fields import about, read, setting, settings_of
from otolith.settings.problems import Section, nearest

ONE = 32767  # a score of 1 in Q15
UNKNOWN = "unknown"  # name of the decision that no class reached its threshold
GROUP = "detect."  # begins names on the wire
PROMISE = "false_accepts_per_hour"
OF_TRAINING = (PROMISE, "streams")  # choose settings; the chip does not have them
_MINIMUM_COUNT = 8  # hops
MOST_SMOOTHING = 32  # hops of scores lib/detect keeps


@dataclass(frozen=True)
class Detect:
    """[detect] of a spec and of a model's metadata."""

    thresholds: dict[str, float] = setting(
        "Smoothed score, above 0 up to 1, at which a class makes an event. A class without a "
        "threshold never makes one."
    )
    gate: int = setting(
        "Mean |sample| of a hop below which scores count as 0; 0: no gate.", 0, low=0, high=ONE
    )
    smoothing: int = setting(
        "Hops over which scores are averaged.", 8, unit="hops", low=1, high=MOST_SMOOTHING
    )
    minimum_count: int = setting(
        "Scores that must be there before the first decision; at most `smoothing`.",
        _MINIMUM_COUNT,
        unit="hops",
        low=1,
        high=MOST_SMOOTHING,
    )
    suppression_hops: int = setting(
        "Hops after an event without another one.", 31, unit="hops", low=0, high=65535
    )
    gate_backoff: int = setting(
        "Hops the gate stays open after the one that opened it.",
        0,
        unit="hops",
        low=0,
        high=65535,
        newer=True,
    )
    gate_delay: int = setting(
        "Hops from a trigger to the opening of the gate.",
        0,
        unit="hops",
        low=0,
        high=31,
        newer=True,
    )
    gate_activity: bool = setting(
        "The front end's activity detection opens the gate.", False, newer=True
    )
    vote: int = setting(
        "Decisions of which more than half must agree; 0 and 1: no vote.",
        0,
        unit="hops",
        low=0,
        high=32,
        newer=True,
    )
    unknown_events: bool = setting(
        "No class reaching its threshold is an event too, called `unknown`.", False, newer=True
    )
    false_accepts_per_hour: float = setting(
        "Events an hour, of all classes together, that sounds of no class may cause. Training "
        "chooses thresholds and smoothing for it on `streams`; 0: it does not.",
        0.0,
        above=0,
        high=1000,
        newer=True,
        since="0.2",
    )
    streams: tuple[str, ...] = setting(
        "Folders or files of long recordings that thresholds are chosen on. They must have no part "
        "in training. A label track beside a recording (.txt) says what in it should be heard.",
        (),
        in_model=False,
        since="0.2",
    )

    def check(
        self,
        section: Section,
        thresholds: Section,
        classes: Sequence[str],
        tells_activity: bool,
        of_model: bool = False,
    ) -> None:
        """Checks what depends on the model's classes, and settings that depend on each other.

        Args:
            section: Takes problems of [detect].
            thresholds: Takes problems of [detect.thresholds].
            classes: The model's classes; empty if they are not known.
            tells_activity: Whether the front end detects activity.
            of_model: The settings are of a model's metadata, where a threshold of 0 and a table
                without thresholds are allowed.
        """
        for label, threshold in self.thresholds.items():
            if classes and label not in classes:
                text = f"is no class of the model: {nearest(label, classes)}"
                thresholds.add(label, text)
            elif of_model and not 0 <= threshold <= 1:
                thresholds.wrong(label, threshold, "must be 0 to 1")
            elif not of_model and not 0 < threshold <= 1:
                thresholds.wrong(label, threshold, "must be above 0, up to 1")
        if not of_model and section.clean("thresholds"):
            section.need(bool(self.thresholds), "thresholds", "name at least one class")
        if section.clean("smoothing") and self.minimum_count > self.smoothing:
            low_high = f"must be 1 to {self.smoothing}, which is smoothing"
            section.wrong("minimum_count", self.minimum_count, low_high)
        if section.clean(PROMISE, "streams") and not of_model:
            both = bool(self.streams) == (self.false_accepts_per_hour > 0)
            section.need(both, f"streams, {PROMISE}", "need each other: give both or neither")
            section.need(all(self.streams), "streams", "must name files or folders")
        section.need(
            not self.gate_activity or tells_activity,
            "gate_activity",
            'needs a front end that detects activity: kind = "logmel" with '
            "fe.activity_detection_enable",
        )

    @property
    def memory_hops(self) -> int:
        """How many hops a score takes part in decisions."""
        return self.smoothing + max(1, self.vote) - 1


def _range(name: str) -> tuple[int, int]:
    found = about(settings_of(Detect)[name]).range
    assert found is not None and found.high is not None
    return int(found.low), int(found.high)


RANGES = {
    name: _range(name)
    for name, field in settings_of(Detect).items()
    if about(field).range is not None and name not in OF_TRAINING
}
SWITCHES = ("gate_activity", "unknown_events")
# Keys in milliseconds and the keys in hops they stand for.
IN_MS = {"average_ms": "smoothing", "suppression_ms": "suppression_hops"}
DEFAULTS = {f.name: f.default for f in dataclasses.fields(Detect) if f.name != "thresholds"}


def to_hops(key: str, value: object, ms: float) -> int:
    """Milliseconds as a whole number of hops.

    Args:
        key: "average_ms" or "suppression_ms".
        value: A number of milliseconds.
        ms: Length of a hop in milliseconds.

    Raises:
        UserError: The value is no number, or gives more hops than the decision layer takes. The
            message begins with what must be.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError("must be a number of milliseconds")
    low, high = RANGES[IN_MS[key]]
    hops = max(low, round(value / ms)) if value >= 0 else -1
    if hops < 0 or hops > high:
        raise UserError(f"must be 0 to {high * ms:.0f}, {high} hops of {ms:g} ms")
    return hops


def read_detect(table: Mapping[str, object], ms: float, section: Section) -> Detect:
    """[detect] of a spec, with milliseconds turned into hops.

    Args:
        table: The section as written.
        ms: Length of a hop in milliseconds.
        section: Takes the problems.
    """
    told = {key: value for key, value in table.items() if key not in IN_MS}
    for key, name in IN_MS.items():
        if key not in table:
            continue
        if name in table:
            section.add(key, f"{name} sets the same: leave one of them out")
            continue
        try:
            told[name] = to_hops(key, table[key], ms)
        except UserError as error:
            section.wrong(key, table[key], error.message)
    smoothing = told.get("smoothing", DEFAULTS["smoothing"])
    if isinstance(smoothing, int) and smoothing >= 1:
        told.setdefault("minimum_count", min(_MINIMUM_COUNT, smoothing))
    return read(Detect, told, section, known=tuple(IN_MS))


def q15(threshold: float) -> int:
    """A score of 0..1 as the chip has it, 0..32767."""
    return max(0, min(ONE, round(ONE * float(threshold))))


def decimal(value: int) -> str:
    """The shortest decimal that stands for a Q15 value: 26214 -> "0.8"."""
    text = ""
    for digits in range(1, 6):
        text = f"{value / ONE:.{digits}f}"
        if q15(float(text)) == value:
            break
    return text


# ---- changes while it runs ----


@dataclass(frozen=True)
class InForce:
    """The decision layer's settings a board or a chain uses now.

    values: keys of [detect] except thresholds. thresholds: by label; 0: never an event.
    """

    values: dict[str, int | bool]
    thresholds: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As a board tells them, with thresholds by label."""
        return {**self.values, "thresholds": self.thresholds}


def _word(name: str, value: object) -> str:
    """The value as the wire takes it."""
    if name in SWITCHES:
        words = {"on": True, "true": True, "off": False, "false": False}
        switch = words.get(value.lower(), value) if isinstance(value, str) else value
        if not isinstance(switch, bool):
            raise UserError(f"{GROUP}{name} = {short(str(value))}: must be on or off")
        return "on" if switch else "off"
    if name in RANGES:
        low, high = RANGES[name]
        try:
            number = int(value) if isinstance(value, str) else value
        except ValueError:
            number = None
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
            raise UserError(
                f"{GROUP}{name} = {short(str(value))}: must be a whole number {low} to {high}"
            )
        return str(number)
    return decimal(q15(_number(name, value, 0, 1)))


def _number(name: str, value: object, low: float, high: float) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not low <= number <= high:
        raise UserError(
            f"{GROUP}{name} = {short(str(value))}: must be a number {low:g} to {high:g}"
        )
    return number


def assignment(name: str, value: object, labels: Sequence[str], ms: float) -> str:
    """What follows `set` on the wire: "detect.threshold.bell 0.8".

    Args:
        name: "detect." and a name of RANGES, SWITCHES or IN_MS; "detect.threshold" for every class
            that has one; "detect.threshold.<label>" for one class.
        value: A value of the setting's type, or its text.
        labels: The model's classes.
        ms: Length of a hop in milliseconds.

    Raises:
        UserError: There is no such setting, or the value is out of range.
    """
    known = [*RANGES, *SWITCHES, *IN_MS, "threshold", *(f"threshold.{x}" for x in labels)]
    bare = name[len(GROUP) :]
    if not name.startswith(GROUP) or bare not in known:
        close = difflib.get_close_matches(bare if name.startswith(GROUP) else name, known, 1)
        hint = f"did you mean {GROUP}{close[0]}?" if close else f"known: {', '.join(known)}"
        raise UserError(f"no setting {short(name)}: {hint}")
    if bare in IN_MS:
        most = RANGES[IN_MS[bare]][1] * ms
        hops = to_hops(bare, _number(bare, value, 0, most), ms)
        return f"{GROUP}{IN_MS[bare]} {hops}"
    return f"{GROUP}{bare} {_word(bare, value)}"


def settings_of_board(said: object, labels: Sequence[str]) -> InForce:
    """The settings in force, from a board's `settings` line.

    Args:
        said: The decoded line.
        labels: The model's classes, in the order of its outputs.

    Raises:
        UserError: The line is no list of settings.
    """
    detect = said.get("detect") if isinstance(said, dict) else None
    thresholds = detect.get("thresholds") if isinstance(detect, dict) else None
    numbers = isinstance(thresholds, list) and all(
        isinstance(t, int | float) and not isinstance(t, bool) for t in thresholds
    )
    if not isinstance(detect, dict) or not isinstance(thresholds, list) or not numbers:
        raise UserError(f"the board's settings make no sense: {short(repr(said))}")
    values = {key: value for key, value in detect.items() if key != "thresholds"}
    if len(thresholds) != len(labels) or not all(isinstance(v, int) for v in values.values()):
        raise UserError(f"the board's settings make no sense: {short(repr(said))}")
    return InForce(values, dict(zip(labels, thresholds, strict=True)))
