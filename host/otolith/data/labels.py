"""Labels of recordings: start, end and text of each sound.

Label tracks are written in Audacity's format (see "Importing and Exporting Labels" in its manual).
Formats of other programs can be read too. Invalid lines are reported and left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from otolith.data.label_formats import parser_of
from otolith.data.text import decode
from otolith.errors import UserError, short, shown
from otolith.files import write_text

_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")
LONGEST = 30 * 24 * 3600.0  # s, of a recording


@dataclass(frozen=True)
class Label:
    """A labelled stretch of a recording.

    Attributes:
        start: Start in seconds.
        end: End in seconds. A label with end = start marks a point.
        label: The text.
        low: Lowest frequency in Hz. None if the label has no limit.
        high: Highest frequency in Hz. None if the label has no limit.
    """

    start: float
    end: float
    label: str
    low: float | None = None
    high: float | None = None


def _number(text: str) -> float:
    """Parse a number with a decimal point or a decimal comma. Raises ValueError."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{short(text)!r} is no number")
    return float(text.replace(",", "."))


def _label(fields: list[str], seconds: float | None) -> Label:
    """Make a label of the fields of a line. ValueError says what is wrong."""
    if len(fields) < 3:
        raise ValueError("start, end and label are needed, with tabs between")
    start, end, text = _number(fields[0]), _number(fields[1]), "\t".join(fields[2:]).strip()
    if start < 0 or end < 0:
        raise ValueError(f"{start:g} to {end:g} s: a time is negative")
    if end < start:
        raise ValueError(f"{start:g} to {end:g} s: the times are reversed")
    if end > LONGEST:
        raise ValueError(f"{end:g} s: longer than any recording")
    if not text:
        raise ValueError("the label is empty")
    if seconds is not None and start >= seconds:
        raise ValueError(f"begins at {start:g} s, the recording ends at {seconds:g} s")
    if seconds is not None and end > seconds + 0.01:
        raise ValueError(f"ends at {end:g} s, the recording at {seconds:g} s")
    return Label(start, end, text)


def _overlaps(labels: list[Label], where: str) -> list[str]:
    """Describe each pair of neighbours that overlap."""
    problems = []
    known = sorted(labels, key=lambda label: (label.start, label.end))
    for before, after in pairwise(known):
        if after.start < before.end and after.start < after.end:
            problems.append(
                f"{where}: {short(before.label)} ({before.start:g}-{before.end:g} s) and "
                f"{short(after.label)} ({after.start:g}-{after.end:g} s) overlap: both are kept"
            )
    return problems


def parse_track(
    text: str, where: str, seconds: float | None = None
) -> tuple[list[Label], list[str]]:
    """Parse an Audacity label track.

    Args:
        text: The track.
        where: Its name for messages.
        seconds: Length of the recording, if it is known. Labels beyond it are problems.

    Returns:
        The labels in the order of the track, and the problems, a line each. Overlapping labels are
        a problem, but both are kept.
    """
    labels: list[Label] = []
    problems: list[str] = []
    lines: dict[Label, int] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if not line.strip():
            continue
        fields = line.split("\t")
        try:
            if fields[0].strip() == "\\":  # frequencies of the label in the line before
                if len(fields) < 3 or not labels:
                    raise ValueError("low and high frequency of which label?")
                low, high = (None if f < 0 else f for f in map(_number, fields[1:3]))
                last = labels[-1]
                if lines.get(last) != number - 1:
                    raise ValueError("low and high frequency of which label?")
                labels[-1] = Label(last.start, last.end, last.label, low, high)
                continue
            labels.append(_label(fields, seconds))
            lines[labels[-1]] = number
        except ValueError as error:
            problems.append(f"{where}:{number}: {error}: passed over")
    return labels, problems + _overlaps(labels, where)


_LARGEST = 64 << 20  # bytes


def read_track(
    path: Path, seconds: float | None = None, recording: str = "", tier: str = ""
) -> tuple[list[Label], list[str]]:
    """Read the labels of a recording.

    Args:
        path: Audacity's label track, Praat's TextGrid, Raven's selection table, Label Studio's
            JSON, or a CSV file with start, end and label. The text may be UTF-8, UTF-16 or Latin-1.
        seconds: Length of the recording, if it is known.
        recording: Name of its sound file. It selects the labels in files about several recordings.
        tier: Tier of a TextGrid. "" selects the first one that has labels.

    Returns:
        The labels in the order of the file, and its problems, a line each.

    Raises:
        UserError: The file can't be read.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{shown(path)}: larger than any label file")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"can't read {shown(path)}: {error.strerror}") from error
    text, where = decode(data), shown(path)
    if "\0" in text:
        raise UserError(f"{where}: not a label track: export one as text from Audacity")
    parse = parser_of(path, text)
    if parse is None:
        return parse_track(text, where, seconds)
    try:
        found = parse(text, recording, tier)
    except UserError as error:
        raise UserError(f"{where}: {error.message}") from error
    problems = [f"{where}:{problem}" for problem in found.problems]
    labels = []
    for raw in found.labels:
        try:
            label = _label([raw.start, raw.end, raw.text], seconds)
            band = [_number(f) if f.strip() else None for f in (raw.low, raw.high)]
            labels.append(replace(label, low=band[0], high=band[1]))
        except ValueError as error:
            problems.append(f"{where}:{raw.where}: {error}: passed over")
    return labels, problems + _overlaps(labels, where)


def format_track(labels: list[Label]) -> str:
    """Format labels as an Audacity label track.

    Times have a resolution of a microsecond. Whitespace in a label becomes single spaces.
    """
    lines = []
    for label in labels:
        text = " ".join(label.label.split())
        lines.append(f"{label.start:.6f}\t{label.end:.6f}\t{text}\n")
        if label.low is not None or label.high is not None:
            low, high = (-1.0 if f is None else f for f in (label.low, label.high))
            lines.append(f"\\\t{low:.6f}\t{high:.6f}\n")
    return "".join(lines)


def write_track(path: Path, labels: list[Label]) -> None:
    """Write a label track, whole or not at all. Raises UserError."""
    write_text(path, format_track(labels))
