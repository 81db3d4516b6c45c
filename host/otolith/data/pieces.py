"""Recognises by their names files that are pieces of one recording.

Pieces of one recording must not be in different sets: a network trained on one of them would
recognise the others too easily.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from otolith.data.metadata import Row
from otolith.errors import shown

GAP = 1.0  # s; clips closer than this share sound, so they must be in the same set


def times_of(row: Row) -> tuple[float, float] | None:
    """Start and end of a clip in its source, in seconds. None if its row does not say."""
    try:
        start, end = float(row.extra["start"]), float(row.extra["end"])
    except (KeyError, ValueError):
        return None
    return (start, end) if 0 <= start <= end < math.inf else None


def gap_in_time(rows: Iterable[Row]) -> float | None:
    """The shortest time between clips of different sets.

    Args:
        rows: The clips of one recording.

    Returns:
        Seconds. None if a clip has no times. Negative if clips of different sets overlap, or if the
        sets alternate, which a split by time never does. inf if all clips are in one set.
    """
    placed = []
    for row in rows:
        times = times_of(row)
        if times is None:
            return None
        if row.set:
            placed.append((*times, row.set))
    placed.sort()
    changes = [(a, b) for a, b in pairwise(placed) if a[2] != b[2]]
    if len(changes) >= len({name for _, _, name in placed}) and changes:
        return -1.0
    # a long clip may end after the clip that follows it
    closest, latest = math.inf, dict[str, float]()
    for start, end, name in placed:
        for other, until in latest.items():
            if other != name:
                closest = min(closest, start - until)
        latest[name] = max(end, latest.get(name, 0.0))
    return closest


# street_chunk0, street-part-12, street.seg3
_CHUNK = re.compile(
    r"(?i)(.+?)[ _.-]+(?:chunk|part|piece|seg|segment|slice|split|clip|cut)[ _.-]?\d+"
)
# street_1.5_3.0, street-1000-2000, street_0s_5s
_RANGE = re.compile(r"(.+?)[ _-](\d+(?:\.\d+)?)(?:ms|s)?[_-](\d+(?:\.\d+)?)(?:ms|s)?")
# street-1, street_002, street (3)
_NUMBER = re.compile(r"(.+?)[ _-]\(?\d+\)?")
# generic names that unrelated files share
_ANY = {
    "audio",
    "clip",
    "file",
    "mic",
    "rec",
    "recording",
    "sample",
    "sound",
    "take",
    "voice",
    "wav",
}


def chunk_of(stem: str) -> str:
    """The recording that a file named like street_chunk0 is a part of, or ""."""
    match = _CHUNK.fullmatch(stem)
    return match[1] if match else ""


def sources_of(
    files: Sequence[tuple[str, str]], tell: Callable[[str], None] = lambda line: None
) -> list[str]:
    """Guess which recordings files were cut from.

    Files named as chunks (x_chunk0) or with a time range (x_1.5_3.0) are pieces. Numbered files
    (x-1, x-2) are pieces if their class has several such recordings.

    Args:
        files: Name without suffix, and label, of each file.
        tell: Gets a line for each class whose files may be pieces of one recording.

    Returns:
        The name of the recording of each file, or "".
    """
    found = [chunk_of(stem) for stem, _ in files]
    ranges = [_RANGE.fullmatch(stem) for stem, _ in files]
    cut = Counter(m[1] for m in ranges if m and float(m[2]) < float(m[3]))
    for at, match in enumerate(ranges):
        if not found[at] and match and float(match[2]) < float(match[3]) and cut[match[1]] > 1:
            found[at] = match[1]
    by_label: dict[str, list[int]] = defaultdict(list)
    for at, (_, label) in enumerate(files):
        by_label[label].append(at)
    for label, places in by_label.items():
        numbered = {
            at: match[1]
            for at in places
            if not found[at] and (match := _NUMBER.fullmatch(files[at][0]))
        }
        counts = Counter(numbered.values())
        for at, name in numbered.items():
            if 1 < counts[name] <= len(places) // 2:
                found[at] = name
        for name, count in counts.items():
            plain = name.strip(" _-").casefold()
            if count > 1 and count > len(places) // 2 and plain not in {*_ANY, label.casefold()}:
                tell(
                    f"{shown(label)}: {count} files are numbered ({shown(name)}...): if they are "
                    'pieces of one recording, say so: --names "{source}-{number}"'
                )
    return found
