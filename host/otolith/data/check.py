"""`host data check`: finds problems in a dataset before time is spent on training with it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import click

from otolith.data.clips import Clip, Dataset, open_rows, read_dataset, sound_files
from otolith.data.metadata import SETS, Row
from otolith.data.options import reading_option
from otolith.data.pieces import GAP, chunk_of, gap_in_time
from otolith.errors import shown
from otolith.progress import bar

SILENCE_DB = -60.0  # dBFS, of the loudest tenth of a second
DC = 0.01  # of full scale
LEAST = 10  # clips of a class
NAMED = 3  # most files that one line names


@dataclass(frozen=True)
class Finding:
    """A problem in a dataset.

    Attributes:
        error: True for an error, False for a warning.
        kind: Identifier for scripts, a key of _KINDS.
        text: One line for people.
        files: All files the finding is about, as in metadata.csv.
    """

    error: bool
    kind: str
    text: str
    files: tuple[str, ...] = ()


def _names(files: Iterable[str]) -> str:
    files = [shown(file) for file in files]
    more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
    return ", ".join(files[:NAMED]) + more


def _content(dataset: Dataset, silence_db: float) -> Iterator[Finding]:
    """Problems of single files."""
    for row, clip in dataset.clips:
        name = shown(row.file)
        if clip.problem:
            kind = "missing" if clip.missing else "format" if clip.digest else "unreadable"
            text = "has a row but no file" if clip.missing else clip.problem
            yield Finding(True, kind, f"{name}: {text}", (row.file,))
            continue
        levels = clip.levels
        if levels is None:
            continue
        if levels.clipped:
            text = f"{name}: clipped: {levels.clipped} samples at full scale in a row"
            yield Finding(False, "clipping", text, (row.file,))
        if abs(clip.dc) > DC:
            text = f"{name}: DC: its mean is {100 * clip.dc:+.1f} % of full scale"
            yield Finding(False, "dc", text, (row.file,))
        if levels.loudest_db < silence_db:
            level = f"{levels.loudest_db:.0f} dBFS" if levels.peak else "nothing but zeros"
            yield Finding(False, "silence", f"{name}: silent ({level} at its loudest)", (row.file,))


def _rowless(folder: Path, dataset: Dataset) -> Iterator[Finding]:
    known = {row.file for row in dataset.metadata.rows}
    # rejected rows are reported already, so don't report their files again
    known.update(value for fields in dataset.metadata.rejected for value in fields)
    problems: list[str] = []
    for file in sound_files(folder, problems):
        if file in known:
            continue
        todo = "has no row" if file.lower().endswith(".wav") else "is not a WAV file"
        text = f"{shown(file)}: {todo}, so it is not used: host data import adds it"
        yield Finding(False, "no-row", text, (file,))
    yield from (Finding(True, "unreadable", text) for text in problems)


def _across(groups: dict[str, list[Row]], what: str, kind: str) -> Iterator[Finding]:
    """Leaks: groups whose rows are in several sets."""
    for name, rows in groups.items():
        sets = Counter(row.set for row in rows if row.set)
        if len(sets) > 1:
            counts = ", ".join(f"{sets[s]} in {s}" for s in SETS if s in sets)
            files = tuple(row.file for row in rows if row.set)
            yield Finding(True, kind, f"leak: {what} {shown(name)}: {counts}", files)


def _leaks(rows: list[Row]) -> Iterator[Finding]:
    """Speakers and sources in several sets. A recording split in time is not a leak."""
    sources: dict[str, list[Row]] = defaultdict(list)
    speakers: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        source = row.source or chunk_of(PurePosixPath(row.file).stem)
        if source:
            sources[source].append(row)
        if row.speaker:
            speakers[row.speaker].append(row)
    in_time = {
        source: gap
        for source, group in sources.items()
        if len({row.set for row in group if row.set}) > 1
        and (gap := gap_in_time(group)) is not None
        and gap >= GAP
    }
    whole = {name: group for name, group in sources.items() if name not in in_time}
    yield from _across(
        {
            name: group
            for name, group in speakers.items()
            if len({row.source for row in group}) > 1 or group[0].source not in in_time
        },
        "speaker",
        "leak-speaker",
    )
    yield from _across(whole, "source", "leak-source")
    for source, gap in in_time.items():
        text = f"source {shown(source)} is split in time: its sets are {gap:.1f} s apart"
        yield Finding(False, "split-in-time", text, tuple(row.file for row in sources[source]))


def _duplicates(clips: list[tuple[Row, Clip]]) -> Iterator[Finding]:
    same: dict[bytes, list[Row]] = defaultdict(list)
    for row, clip in clips:
        if clip.digest and clip.header and clip.header.length:
            same[clip.digest].append(row)
    for rows in same.values():
        if len(rows) < 2:
            continue
        files = tuple(row.file for row in rows)
        leaks = list(_across({_names(files): rows}, "the same sound:", "leak-duplicate"))
        labels = sorted({row.label for row in rows})
        yield from leaks
        if len(labels) > 1:
            text = f"the same sound under the labels {_names(labels)}: {_names(files)}"
            yield Finding(True, "duplicate-label", text, files)
        elif not leaks:
            yield Finding(False, "duplicate", f"the same sound: {_names(files)}", files)


def _classes(rows: list[Row], least: int) -> Iterator[Finding]:
    used = {row.set for row in rows if row.set}
    for label, count in sorted(Counter(row.label for row in rows).items()):
        if count < least:
            text = f"class {shown(label)}: {count} clips: fewer than {least} teach little"
            yield Finding(False, "few", text)
        has = {row.set for row in rows if row.label == label}
        gone = [name for name in SETS if name in used - has]
        if gone:
            yield Finding(False, "no-set", f"class {shown(label)}: no clips in {', '.join(gone)}")
    unset = [row.file for row in rows if not row.set]
    if used and unset:
        text = f"{len(unset)} clips are in no set: host data split puts them in one"
        yield Finding(False, "no-set", text, tuple(unset))


def findings(
    folder: Path, dataset: Dataset, silence_db: float = SILENCE_DB, least: int = LEAST
) -> list[Finding]:
    """Find everything that is wrong with a dataset.

    Args:
        folder: Folder of the dataset.
        dataset: Its rows and measured clips.
        silence_db: A clip is silent if its loudest tenth of a second stays below this, dBFS.
        least: A class with fewer clips gets a warning.

    Returns:
        The findings, errors first.
    """
    rows = dataset.metadata.rows
    found = [Finding(True, "bad-row", text) for text in dataset.metadata.problems]
    found += _leaks(rows)
    found += _duplicates(dataset.clips)
    found += _content(dataset, silence_db)
    found += _rowless(folder, dataset)
    found += _classes(rows, least)
    return sorted(found, key=lambda finding: not finding.error)


# For each kind: the text used for several findings, and what to do about them.
_KINDS = {
    "bad-row": ("rows are invalid", "fix these lines of metadata.csv"),
    "missing": ("rows have no file", "bring the files back, or host data remove"),
    "format": ("clips have another format", "host data import converts them"),
    "unreadable": ("files can't be read", "record or import them again"),
    "clipping": ("clips are clipped", "record again with less gain (--gain)"),
    "dc": ("clips have DC", "fine if the microphone always has it"),
    "silence": ("clips are silent", "host data remove them, or relabel them as background"),
    "no-row": ("files have no row and are not used", "host data import adds them"),
    "leak-speaker": ("speakers are in several sets", "host data split --again"),
    "leak-source": ("sources are in several sets", "host data split --again, or --by time"),
    "leak-duplicate": ("sounds are in several sets", "host data split --again"),
    "duplicate-label": ("sounds have several labels", "listen to them and remove the wrong ones"),
    "duplicate": ("sounds are in the dataset more than once", "host data remove the copies"),
    "split-in-time": ("sources are split in time", "fine: their sets do not touch"),
    "few": ("classes have few clips", "record more of them"),
    "no-set": ("classes have no clips in a set, or clips have no set", "host data split"),
}


def lines_of(found: list[Finding], everything: bool) -> Iterator[str]:
    """Format findings as lines for people.

    Args:
        found: The findings, errors first.
        everything: Print a line for each finding. Otherwise print one line for each kind, with
            three examples.
    """
    kinds: dict[tuple[bool, str], list[Finding]] = defaultdict(list)
    for finding in found:
        kinds[finding.error, finding.kind].append(finding)
    more = False
    for (error, kind), some in kinds.items():
        word = "Error" if error else "Warning"
        if everything or len(some) == 1:
            yield from (f"{word}: {finding.text}" for finding in some)
            continue
        what, todo = _KINDS[kind]
        examples = [shown(f.files[0]) if len(f.files) == 1 else f.text for f in some[:NAMED]]
        yield f"{word}: {len(some)} {what}: {todo}"
        yield from (f"    {example}" for example in examples)
        more = more or len(some) > NAMED
    if more:
        yield "--all lists every file"


@click.command()
@reading_option
@click.option(
    "--silence",
    type=click.FloatRange(-120, 0),
    default=SILENCE_DB,
    show_default=True,
    help="A clip is silent if its loudest tenth of a second is below this many dBFS.",
)
@click.option(
    "--least",
    type=click.IntRange(0),
    default=LEAST,
    show_default=True,
    help="Warn about classes with fewer clips.",
)
@click.option("--all", "everything", is_flag=True, help="Print a line for every file.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(dataset: Path, silence: float, least: int, everything: bool, as_json: bool) -> None:
    """Find problems that would spoil training.

    Errors (exit code 1): files that are missing, unreadable or not 16 kHz 16 bit mono, invalid
    rows, a speaker, a source or the same sound in two sets (a leak), and the same sound under two
    labels.

    Warnings: clipping, DC, silence, duplicates, files without a row, classes with few clips, and
    classes with no clips in a set.

    Each kind of problem is one line that says what to do, with three examples. --all lists every
    file.

    \b
    Example:
        host data check --dataset dataset
    """
    rows = open_rows(dataset)
    with bar("clips", len(rows.rows)) as step:
        read = read_dataset(dataset, rows, step)
    found = findings(dataset, read, silence, least)
    errors = sum(finding.error for finding in found)
    seconds = sum(clip.seconds for _, clip in read.clips)
    if as_json:
        lists: dict[str, list] = {"errors": [], "warnings": []}
        for finding in found:
            about = {"kind": finding.kind, "text": finding.text, "files": list(finding.files)}
            lists["errors" if finding.error else "warnings"].append(about)
        whole = {"clips": len(read.clips), "seconds": round(seconds, 3), **lists}
        click.echo(json.dumps(whole, indent=2))
    else:
        for line in lines_of(found, everything):
            click.echo(line)
        click.echo(
            f"{len(read.clips)} clips, {seconds:.1f} s: "
            f"{errors} errors, {len(found) - errors} warnings"
        )
    if errors:
        raise SystemExit(1)
