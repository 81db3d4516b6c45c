"""The decision layer's settings (lib/detect): names, ranges and defaults, for [detect] of a spec, a
model's metadata, `host device set` and the wire.

A hop is hop_frames frames; `average_ms` and `suppression_ms` stand for whole numbers of hops.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from otolith.errors import UserError, short

ONE = 32767  # a score of 1: Q15
UNKNOWN = "unknown"  # how the decision that no class reached its threshold is written
GROUP = "detect."  # before names on the wire


@dataclass(frozen=True)
class Detect:
    """Scores -> events. The keys of [detect]."""

    thresholds: dict[str, float]  # classes without one never make an event
    gate: int = 0  # mean |sample| of a hop below which scores count as 0; 0: no gate
    smoothing: int = 8  # hops averaged
    minimum_count: int = 8  # scores before anything is decided; at most smoothing
    suppression_hops: int = 31  # without another event
    gate_backoff: int = 0  # hops the gate stays open beyond the one that opened it
    gate_delay: int = 0  # hops from a trigger to the opening
    gate_activity: bool = False  # the front end's activity detection triggers
    vote: int = 0  # decisions of which more than half must agree; 0, 1: no vote
    unknown_events: bool = False  # "no class reached its threshold" is an event too


RANGES = {
    "gate": (0, ONE),
    "smoothing": (1, 32),
    "minimum_count": (1, 32),
    "suppression_hops": (0, 65535),
    "gate_backoff": (0, 65535),
    "gate_delay": (0, 31),
    "vote": (0, 32),
}
SWITCHES = ("gate_activity", "unknown_events")
# Milliseconds that stand for hops.
IN_MS = {"average_ms": "smoothing", "suppression_ms": "suppression_hops"}
# Keys newer than the first models: left out of metadata where they say nothing, so that such a
# model keeps its bytes and its hash.
NEWER = ("gate_backoff", "gate_delay", "gate_activity", "vote", "unknown_events")
DEFAULTS = {f.name: f.default for f in dataclasses.fields(Detect) if f.name != "thresholds"}


def hop_ms(features: dict[str, Any], hop_frames: int) -> float:
    """Milliseconds between two decisions."""
    return 1000 * hop_frames * features["hop"] / features["sample_rate"]


def memory_hops(detect: dict[str, Any]) -> int:
    """How many hops a score has a part in decisions. detect: of a model's metadata."""
    later = max(1, detect.get("vote", 0)) - 1
    return detect["smoothing"] + later


def _to_hops(key: str, value: object, ms: float) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{key} = {short(repr(value))}: must be a number of milliseconds")
    low, high = RANGES[IN_MS[key]]
    hops = max(low, round(value / ms)) if value >= 0 else -1
    if hops < 0 or hops > high:
        raise UserError(
            f"{key} = {short(repr(value))}: must be 0 to {high * ms:.0f}, {high} hops of {ms:g} ms"
        )
    return hops


def expand(table: dict[str, Any], ms: float, where: str) -> dict[str, Any]:
    """A [detect] section as written -> in hops. ms: of a hop. where: what errors begin with.
    UserError."""
    table = dict(table)
    for key, name in IN_MS.items():
        if key not in table:
            continue
        if name in table:
            raise UserError(f"{where}: [detect] {key}: {name} says it as well: leave one out")
        try:
            table[name] = _to_hops(key, table.pop(key), ms)
        except UserError as error:
            raise UserError(f"{where}: [detect] {error.message}") from error
    smoothing = table.get("smoothing", DEFAULTS["smoothing"])
    if isinstance(smoothing, int) and smoothing >= 1:
        table.setdefault("minimum_count", min(DEFAULTS["minimum_count"], smoothing))
    return table


def tells_activity(features: dict[str, Any]) -> bool:
    """Whether a front end with these settings (of a model's metadata) detects activity."""
    fe = features.get("fe")
    return (
        features.get("kind") == "logmel"
        and isinstance(fe, dict)
        and bool(fe.get("activity_detection_enable"))
    )


def check(
    detect: Detect,
    classes: Sequence[str],
    features: dict[str, Any],
    need: Callable[[bool, str, str], None],
) -> None:
    """Ranges of a [detect] section. need(good, key, text) raises."""
    for label, threshold in detect.thresholds.items():
        need(label in classes, f"[detect.thresholds] {label}", "is no class of the model")
        need(0 < threshold <= 1, f"[detect.thresholds] {label}", "must be above 0, up to 1")
    need(bool(detect.thresholds), "[detect.thresholds]", "name at least one class")
    for key, (low, high) in RANGES.items():
        if key != "minimum_count":
            value = getattr(detect, key)
            need(low <= value <= high, f"[detect] {key}", f"must be {low} to {high}")
    need(1 <= detect.minimum_count <= detect.smoothing, "[detect] minimum_count", "1 to smoothing")
    need(
        not detect.gate_activity or tells_activity(features),
        "[detect] gate_activity",
        'goes with kind = "logmel" and fe.activity_detection_enable',
    )


def kept(detect: Detect) -> dict[str, Any]:
    """What of it travels in the .tflite."""
    values = dataclasses.asdict(detect)
    return {k: v for k, v in values.items() if k not in NEWER or v != DEFAULTS[k]}


def q15(threshold: float) -> int:
    """0..1 as the chip has it, 0..32767."""
    return max(0, min(ONE, round(ONE * float(threshold))))


def decimal(value: int) -> str:
    """The shortest decimal that stands for a Q15 value: 26214 -> "0.8"."""
    for digits in range(1, 6):
        text = f"{value / ONE:.{digits}f}"
        if q15(float(text)) == value:
            break
    return text


# ---- while it runs ----


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
        if type(number) is not int or not low <= number <= high:
            raise UserError(
                f"{GROUP}{name} = {short(str(value))}: must be a whole number {low} to {high}"
            )
        return str(number)
    return decimal(q15(_number(name, value, 0, 1)))


def _number(name: str, value: object, low: float, high: float) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        number = math.nan
    if isinstance(value, bool) or not low <= number <= high:
        raise UserError(
            f"{GROUP}{name} = {short(str(value))}: must be a number {low:g} to {high:g}"
        )
    return number


def assignment(name: str, value: object, labels: Sequence[str], ms: float) -> str:
    """What stands behind `set` on the wire: "detect.threshold.bell 0.8".

    name: "detect." and a name of RANGES, SWITCHES or IN_MS, "threshold" (of all classes that have
    one) or "threshold.<label>". value: of its type, or its text. labels: the model's. ms: of a hop.
    UserError.
    """
    known = [*RANGES, *SWITCHES, *IN_MS, "threshold", *(f"threshold.{x}" for x in labels)]
    bare = name[len(GROUP) :]
    if not name.startswith(GROUP) or bare not in known:
        close = difflib.get_close_matches(bare if name.startswith(GROUP) else name, known, 1)
        hint = f"did you mean {GROUP}{close[0]}?" if close else f"known: {', '.join(known)}"
        raise UserError(f"no setting {short(name)}: {hint}")
    if bare in IN_MS:
        most = RANGES[IN_MS[bare]][1] * ms
        hops = _to_hops(bare, _number(bare, value, 0, most), ms)
        return f"{GROUP}{IN_MS[bare]} {hops}"
    return f"{GROUP}{bare} {_word(bare, value)}"


def settings_of(said: object, labels: Sequence[str]) -> dict[str, Any]:
    """The settings in force from a board's `settings` line: keys of [detect], thresholds by label
    (0: never an event). labels: the model's. UserError if the line is no such thing."""
    detect = said.get("detect") if isinstance(said, dict) else None
    thresholds = detect.get("thresholds") if isinstance(detect, dict) else None
    if not isinstance(thresholds, list) or len(thresholds) != len(labels):
        raise UserError(f"the board's settings make no sense: {short(str(said))}")
    return {**detect, "thresholds": dict(zip(labels, thresholds, strict=True))}
