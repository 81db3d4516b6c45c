"""What a board may say: one typed record for each event of the wire protocol.

A board is a stranger: its lines are checked before anything uses them. `decode_line` gives a record
whose fields have the types and limits written here, or an `Unclear` that names the field at fault.
Fields that a record does not know are kept in `told`, and events that this module does not know
become an `Other`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta

from otolith.errors import short, shown

Count = Annotated[int, Meta(ge=0, le=2**53)]
"""A count, a time or a size. Boards send 32 bits."""
Level = Annotated[int, Meta(ge=0, le=65536)]
Positive = Annotated[int, Meta(ge=1, le=2**32)]
Text = Annotated[str, Meta(max_length=2048)]
Name = Annotated[str, Meta(max_length=256)]
Labels = Annotated[list[Name], Meta(max_length=256)]
Q15 = Annotated[int, Meta(ge=-32768, le=32767)]
Scores = Annotated[list[Q15], Meta(max_length=256)]
Outputs = Annotated[list[Annotated[int, Meta(ge=-128, le=127)]], Meta(max_length=256)]
Share = Annotated[float, Meta(ge=-1000, le=1000)]
Counts = Annotated[list[Annotated[int, Meta(ge=-(2**31), le=2**32)]], Meta(max_length=4096)]
Setting = Annotated[float, Meta(ge=-(2**32), le=2**32)]
Gain = Annotated[int, Meta(ge=-200, le=200)]
Thresholds = Annotated[list[Setting], Meta(max_length=256)]

R = TypeVar("R", bound="Line")


class Line(msgspec.Struct, kw_only=True, eq=False):
    """A line of JSON from a board.

    Attributes are typed and within their limits. Read as a mapping, a line has the fields as the
    board wrote them: `line["t_ms"]`, `line.get("hash")`, `dict(line)`.

    Labels in attributes are as the model has them; a board writes the bytes of UTF-8 as Latin-1.

    event: what kind of line it is.
    told: the whole line as the board wrote it.
    """

    EVENT: ClassVar[str] = ""

    event: Name
    told: dict[str, Any] = msgspec.field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.told[key]

    def __contains__(self, key: object) -> bool:
        return key in self.told

    def __iter__(self) -> Iterator[str]:
        return iter(self.told)

    def __len__(self) -> int:
        return len(self.told)

    def __eq__(self, other: object) -> bool:
        theirs = other.told if isinstance(other, Line) else other
        return self.told == theirs

    __hash__ = None  # type: ignore[assignment]

    def keys(self) -> Any:
        """Names of the fields that the board wrote."""
        return self.told.keys()

    def get(self, key: str, default: Any = None) -> Any:
        """A field as the board wrote it, or `default`."""
        return self.told.get(key, default)


class Other(Line):
    """An event that this version does not know."""


class Unclear(Line):
    """A line that is no message of the protocol. Views show it as an error of the board.

    of: the event that the line claims to be, "" if it has none.
    reason: one line that names the field at fault.
    """

    of: str
    reason: str


class Hello(Line):
    """Who the board is, and what it runs.

    app: its app: "inference", "usb_mic", "serial_mic" or "bench".
    board, version, serial: name in boards/, firmware version, serial number.
    rate: samples a second, Hz. hop: samples between two decisions; None: it makes none.
    model, hash, labels, engine: of the network, where there is one.
    models, hashes: of several networks that share the front end.
    microphone, gain_db: its kind, "pdm", "i2s" or "adc", and its gain, where the app has one.
    """

    EVENT: ClassVar[str] = "hello"

    protocol: Count = 1
    app: Name | None = None
    board: Name | None = None
    version: Name | None = None
    serial: Name | None = None
    baud: Positive | None = None
    rate: Annotated[int, Meta(ge=1, le=1_000_000)] = 16000
    block: Positive | None = None
    hop: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    model: Name | None = None
    hash: Name | None = None
    labels: Labels | None = None
    engine: Name | None = None
    models: Labels | None = None
    hashes: Labels | None = None
    clock_hz: Positive | None = None
    microphone: Name | None = None
    gain_db: Gain | None = None


class Detect(Line):
    """A sound was heard. score: 0..1. t_ms: the board's time. model: which of several networks."""

    EVENT: ClassVar[str] = "detect"

    t_ms: Count
    label: Name
    score: Annotated[float, Meta(ge=-1, le=2)]
    model: Name | None = None


class ScoresLine(Line):
    """A hop's scores.

    q: the network's outputs, int8. scores, smoothed: Q15, before and after smoothing.
    level: mean |sample|, 0..32768. decision: label, "unknown" or None.
    model: which of several networks.
    """

    EVENT: ClassVar[str] = "scores"

    smoothed: Scores
    hop: Count = 0
    t_ms: Count = 0
    q: Outputs = []
    scores: Scores = []
    level: Level = 0
    decision: Name | None = None
    model: Name | None = None


class Stats(Line):
    """How the board does; once a second.

    feature_us, infer_us: microseconds a hop, features and network. cpu: share of the time, 0..1.
    duty: share of the hops in which a network ran; it rests while the gate is closed.
    overruns: blocks of the microphone that were lost. dropped: messages that found no room.
    stack: bytes used at most. level: mean |sample| of the second.
    """

    EVENT: ClassVar[str] = "stats"

    t_ms: Count | None = None
    level: Level | None = None
    hops: Count | None = None
    blocks: Count | None = None
    feature_us: Count | None = None
    infer_us: Count | None = None
    pdm_us: Count | None = None
    cpu: Share | None = None
    duty: Share | None = None
    overruns: Count | None = None
    dropped: Count | None = None
    stack: Count | None = None


class InForce(msgspec.Struct):
    """The decision layer's settings; thresholds in the order of the labels, 0: never an event."""

    thresholds: Thresholds


class SettingsLine(Line):
    """The settings in force. model: which of several networks."""

    EVENT: ClassVar[str] = "settings"

    detect: InForce
    model: Name | None = None


class MicrophoneLine(Line):
    """The microphone: its kind, and its gain in dB. It answers `get` and `set`."""

    EVENT: ClassVar[str] = "microphone"

    microphone: Name
    gain_db: Gain


class Ok(Line):
    """A command was carried out."""

    EVENT: ClassVar[str] = "ok"

    command: Text = ""


class ErrorLine(Line):
    """The board refuses a command, or something on the wire."""

    EVENT: ClassVar[str] = "error"

    reason: Text = ""
    command: Text | None = None


class Fault(Line):
    """What ended the board's last run."""

    EVENT: ClassVar[str] = "fault"

    reason: Text = ""


class Gap(Line):
    """Samples or frames that are missing; this computer writes it, no board."""

    EVENT: ClassVar[str] = "gap"

    t_ms: Count
    of: Name
    count: Count


class Injecting(Line):
    """The board waits for PCM: blocks of `block` samples, at most `ahead` that it has not taken."""

    EVENT: ClassVar[str] = "injecting"

    block: Annotated[int, Meta(ge=1, le=512)]
    ahead: Annotated[int, Meta(ge=1, le=2**31)] | None = None


class More(Line):
    """So many blocks of injected PCM have been taken."""

    EVENT: ClassVar[str] = "more"

    blocks: Count


class Injected(Line):
    """All injected PCM has been heard."""

    EVENT: ClassVar[str] = "injected"

    hops: Count


class Running(Line):
    """The bench app waits for the network's inputs."""

    EVENT: ClassVar[str] = "running"


class Ran(Line):
    """What the bench app measured in one inference.

    cycles: of the inference, CPU cycles. hop_cycles: of one that keeps rows. start_cycles: of
    nn_init(). layers: cycles of each kernel call. arena, stack: bytes. clock_hz: of the CPU.
    """

    EVENT: ClassVar[str] = "ran"

    cycles: Count
    arena: Count
    start_cycles: Count = 0
    hop_cycles: Count = 0
    clock_hz: Positive = 1
    stack: Count = 0
    layers: Counts = []


_RECORDS: dict[str, type[Line]] = {
    record.EVENT: record
    for record in (
        Hello,
        Detect,
        ScoresLine,
        Stats,
        SettingsLine,
        MicrophoneLine,
        Ok,
        ErrorLine,
        Fault,
        Gap,
        Injecting,
        More,
        Injected,
        Running,
        Ran,
    )
}
_DEPTH = 4  # of lists and objects in a field


def _unclear(of: str, reason: str) -> Unclear:
    reason = shown(f"a line that makes no sense: {reason}")
    return Unclear(event="error", told={"event": "error", "reason": reason}, of=of, reason=reason)


def _too_much(value: object, depth: int = _DEPTH) -> str | None:
    """What is beyond the limits that hold for every field, or None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return None if -(2**63) <= value < 2**64 else "a number beyond 64 bits"
    if isinstance(value, str):
        return None if value.isascii() or _encodable(value) else "text that is no Unicode"
    if depth == 0:
        return "nested too deeply"
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    else:
        parts = value if isinstance(value, list) else []
    return next((found for part in parts if (found := _too_much(part, depth - 1))), None)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_text(label: str) -> str:
    """A label as the model has it: a board sends the bytes of UTF-8 as Latin-1 characters."""
    try:
        return label.encode("latin-1").decode()
    except UnicodeError:
        return label


def _decode_labels(line: Line) -> None:
    if isinstance(line, Hello) and line.labels is not None:
        line.labels = [_as_text(label) for label in line.labels]
    elif isinstance(line, Detect):
        line.label = _as_text(line.label)
    elif isinstance(line, ScoresLine) and line.decision is not None:
        line.decision = _as_text(line.decision)


def record(told: Mapping[str, Any]) -> Line:
    """The typed record of a line.

    Args:
        told: the line, decoded.

    Returns:
        A record, or an Unclear that names the field at fault.
    """
    event = told.get("event")
    if not isinstance(event, str) or len(event) > 256:
        return _unclear("", "event: must be a short text")
    for key, value in told.items():
        if (why := _too_much(value)) or (why := _too_much(key)):
            return _unclear(event, f"{short(event)}.{short(key)}: {why}")
    if event not in _RECORDS:
        return Other(event=event, told=dict(told))
    fields = {key: value for key, value in told.items() if key != "told"}
    try:
        line = msgspec.convert(fields, _RECORDS[event])
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        field = path.rstrip("`").lstrip(".")
        return _unclear(event, f"{event}{'.' if field else ''}{field}: {problem}")
    line.told = dict(told)
    _decode_labels(line)
    return line


def decode_line(text: bytes) -> Line | None:
    """The record of a line of text from a board; None if it is no JSON object with an event."""
    try:
        told = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("event"), str):
        return None
    return record(told)
