"""Reads labels of long recordings in the formats of other programs.

praatio parses Praat's TextGrid. (crowsetta knows more formats, but needs pandas, scipy and Python
3.11, and does not read Label Studio's.) The standard library reads tables and JSON.

To add a format, write a function here and add a line to FORMATS.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from otolith.data.text import delimiter_of
from otolith.errors import UserError, short, shown

_START = ("start", "start_time", "start_s", "start_sec", "begin", "begin_time", "onset", "onset_s")
_END = ("end", "end_time", "end_s", "end_sec", "stop", "stop_time", "offset", "offset_s")
_LENGTH = ("duration", "duration_s", "length")
_TEXT = (
    *("label", "annotation", "class", "category", "event", "event_label", "species", "sound"),
    *("tag", "text", "name", "word"),
)
_FILE = ("file", "filename", "file_name", "audio", "path", "recording", "begin_file", "fname")


@dataclass(frozen=True)
class Raw:
    """A label as text, before its numbers are checked.

    Attributes:
        start: Start in seconds.
        end: End in seconds.
        text: The label.
        where: Its line in the file, or its number.
        low: Lowest frequency in Hz. Empty if there is none.
        high: Highest frequency in Hz. Empty if there is none.
    """

    start: str
    end: str
    text: str
    where: int
    low: str = ""
    high: str = ""


@dataclass
class Found:
    """Labels of one recording. `problems` has a line for each label left out."""

    labels: list[Raw] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def _plain(name: str) -> str:
    """Normalise the name of a column: "Begin Time (s)" becomes begin_time."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"\(.*?\)", "", name.casefold())).strip("_")


def _is_of(name: str, recording: str) -> bool:
    """Whether a path in a label file names a recording. Label Studio prefixes names with a hash."""
    wanted = PurePath(recording)
    given = PurePath(name.replace("\\", "/")).name
    return given in (wanted.name, wanted.stem) or given.endswith(
        (f"-{wanted.name}", f"-{wanted.stem}")
    )


def _table(text: str, recording: str, tier: str) -> Found:
    """Parse CSV files and Raven's selection tables."""
    first = text.lstrip("\r\n").partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(first))
    found = Found()
    try:
        header = [_plain(name) for name in next(reader, [])]

        def at(names: tuple[str, ...]) -> int | None:
            return next((header.index(name) for name in names if name in header), None)

        start, end, length, label = at(_START), at(_END), at(_LENGTH), at(_TEXT)
        file, low, high, number = (
            at(_FILE),
            at(("low_freq",)),
            at(("high_freq",)),
            at(("selection",)),
        )
        if start is None or (end is None and length is None):
            start, end, label = 0, 1, 2  # no header
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(first))
        elif label is None:
            label = len(header) - 1  # in Raven's tables the last column is the user's
        needed = max(start, label, end if end is not None else length or 0)
        seen: set[str] = set()
        others = 0
        for fields in reader:
            if not any(text.strip() for text in fields):
                continue
            where = reader.line_num
            if len(fields) <= needed:
                found.problems.append(f"{where}: {len(fields)} fields: passed over")
                continue
            if file is not None and recording and not _is_of(fields[file], recording):
                others += 1
                continue
            if number is not None:
                # Raven writes a line for each view (waveform, spectrogram) of a selection
                if fields[number] in seen:
                    continue
                seen.add(fields[number])
            stop = fields[end] if end is not None else _sum(fields[start], fields[length or 0])
            band = [fields[i] if i is not None and i < len(fields) else "" for i in (low, high)]
            found.labels.append(Raw(fields[start], stop, fields[label], where, *band))
        if others and not found.labels:
            found.problems.append(f"1: none of its {others} lines is about {shown(recording)}")
    except csv.Error as error:
        raise UserError(f"line {reader.line_num}: {error}") from error
    return found


def _sum(start: str, length: str) -> str:
    try:
        return f"{float(start.replace(',', '.')) + float(length.replace(',', '.')):.6f}"
    except ValueError:
        return length


def _text_grid(text: str, recording: str, tier: str) -> Found:
    from praatio.utilities import textgrid_io  # slow to import

    try:
        tiers = textgrid_io.parseTextgridStr(text, includeEmptyIntervals=False)["tiers"]
        names = [str(one["name"]) for one in tiers if one["entries"]]
        if tier and tier not in names:
            raise UserError(f"no tier {short(shown(tier))!r}: it has {shown(', '.join(names))}")
        found, chosen = Found(), tier or (names or [""])[0]
        for one in tiers:
            if str(one["name"]) != chosen:
                continue
            for number, entry in enumerate(one["entries"], 1):
                start, *end, label = (str(value) for value in entry)
                if label.strip():
                    found.labels.append(Raw(start, end[0] if end else start, label, number))
            break
    except UserError:
        raise
    except Exception as error:  # a damaged file makes praatio raise any exception
        raise UserError(
            f"not a TextGrid that can be read: {short(' '.join(str(error).split()))}"
        ) from error
    left = [name for name in names if name != chosen]
    if left and not tier:
        found.problems.append(
            f"1: only tier {shown(chosen)} is taken: name another with --tier "
            f"({shown(', '.join(left))})"
        )
    return found


def _time(value: object) -> str:
    """Format a number from JSON. For anything else, return text that is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return short(value)
    try:
        return repr(float(value)) if math.isfinite(value) else "not finite"
    except OverflowError:
        return "too large"


def _regions(task: dict[str, Any]) -> Iterator[tuple[object, object, object]]:
    """Yield start, end and labels of a Label Studio task, exported as JSON or JSON-MIN."""
    results: list[Any] = []
    for annotation in task.get("annotations") or task.get("completions") or []:
        if isinstance(annotation, dict) and isinstance(annotation.get("result"), list):
            results += [r.get("value") for r in annotation["result"] if isinstance(r, dict)]
    for value in task.values():
        if isinstance(value, list):
            results += [one for one in value if isinstance(one, dict) and "start" in one]
    for value in results:
        if isinstance(value, dict) and "start" in value and "end" in value:
            yield value["start"], value["end"], value.get("labels") or value.get("choices")


def _label_studio(text: str, recording: str, tier: str) -> Found:
    try:
        tasks = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"not JSON that can be read: {short(' '.join(str(error).split()))}"
        ) from error
    tasks = [
        task for task in (tasks if isinstance(tasks, list) else [tasks]) if isinstance(task, dict)
    ]

    def names(task: dict[str, Any]) -> list[str]:
        data = task.get("data") if isinstance(task.get("data"), dict) else task
        values = [*(data or {}).values(), task.get("file_upload")]
        return [value for value in values if isinstance(value, str)]

    if len(tasks) > 1 and recording:
        tasks = [t for t in tasks if any(_is_of(name, recording) for name in names(t))]
        if not tasks:
            raise UserError(f"none of its tasks is about {shown(recording)}")
    found = Found()
    number = 0
    for task in tasks:
        for start, end, labels in _regions(task):
            number += 1
            some = labels if isinstance(labels, list) else [labels]
            for label in some:
                name = label if isinstance(label, str) else ""
                found.labels.append(Raw(_time(start), _time(end), name, number))
    if not number:
        raise UserError("no regions with start and end: export JSON or JSON-MIN from Label Studio")
    return found


def _is_table(path: PurePath, text: str) -> bool:
    first = text.lstrip("\r\n").partition("\n")[0]
    columns = {_plain(name) for name in first.split(delimiter_of(first))}
    titled = bool(columns & set(_START)) and bool(columns & {*_END, *_LENGTH})
    return titled or path.suffix.casefold() in (".csv", ".tsv")


Parser = Callable[[str, str, str], Found]
# Name of each format, a test of a file's path and text, and the parser. The parser gets the text,
# the name of the recording and the tier. Any other file is an Audacity label track.
FORMATS: tuple[tuple[str, Callable[[PurePath, str], bool], Parser], ...] = (
    (
        "TextGrid",
        lambda path, text: path.suffix.casefold() == ".textgrid" or "ooTextFile" in text[:100],
        _text_grid,
    ),
    (
        "Label Studio",
        lambda path, text: path.suffix.casefold() == ".json" or text.lstrip()[:1] in ("[", "{"),
        _label_studio,
    ),
    ("table", _is_table, _table),
)


def parser_of(path: PurePath, text: str) -> Parser | None:
    """The parser for a label file with this path and text. None for Audacity's own format."""
    return next((parse for _, matches, parse in FORMATS if matches(path, text)), None)
