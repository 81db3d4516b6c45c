"""`host data split`: train, validate and test sets that share no speaker, source or sound.

Clips that share one of these form a group. A hash of the group's name decides its set. Small
classes are then evened out. Clips that have a set keep it, so clips added later do not move them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import click

from otolith.data import metadata
from otolith.data.clips import measure, open_rows
from otolith.data.metadata import SETS, Row
from otolith.data.options import dataset_option
from otolith.data.pieces import GAP, chunk_of, times_of
from otolith.errors import UserError, shown
from otolith.progress import bar

SMALL = 200  # groups of a class; for larger ones the hash alone comes close to the shares
UNEVEN = 10  # percentage points between wanted and actual share that are reported


@dataclass
class Group:
    """Rows that must stay in one set. The hash of `name` decides which."""

    name: str
    rows: list[Row] = field(default_factory=list)

    def sets(self) -> list[str]:
        """The sets that its rows are in already."""
        return [name for name in SETS if any(row.set == name for row in self.rows)]


def _keys(row: Row) -> list[tuple[str, str]]:
    source = row.source or chunk_of(PurePosixPath(row.file).stem)
    named = [("speaker", row.speaker), ("source", source)]
    return [key for key in named if key[1]] or [("file", row.file)]


def groups_of(rows: list[Row], digests: dict[str, bytes] | None = None) -> list[Group]:
    """Group rows that are linked, directly or through others, by speaker, source or sound.

    Args:
        rows: The rows.
        digests: Digest of the sound of each file, by file. None ignores equal sounds.

    Returns:
        The groups. A group is named after its alphabetically first speaker, or, without speakers,
        its first source or file.
    """
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[tuple[str, str | bytes], int] = {}
    for i, row in enumerate(rows):
        keys: list[tuple[str, str | bytes]] = list(_keys(row))
        digest = (digests or {}).get(row.file)
        if digest:
            keys.append(("sound", digest))
        for key in keys:
            parent[root(i)] = root(first.setdefault(key, i))
    together: dict[int, list[Row]] = defaultdict(list)
    for i, row in enumerate(rows):
        together[root(i)].append(row)
    found = []
    for members in together.values():
        kind, name = min(
            (key for row in members for key in _keys(row)),
            key=lambda key: (("speaker", "source", "file").index(key[0]), key[1]),
        )
        found.append(Group(f"{kind} {name}", members))
    return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def set_of(name: str, shares: tuple[float, float, float], seed: int) -> str:
    """Choose the set of a group.

    Args:
        name: Name of the group.
        shares: Shares of train, validate and test, with any sum.
        seed: Seed of the hash.
    """
    digest = _digest(f"{seed}:{name}")
    place = int.from_bytes(digest[:8], "big") / 2**64 * sum(shares)
    for chosen, share in zip(SETS, shares, strict=True):
        if place < share:
            return chosen
        place -= share
    return [s for s, share in zip(SETS, shares, strict=True) if share][-1]  # rounding


def split_rows(
    groups: list[Group], shares: tuple[float, float, float], seed: int, again: bool = False
) -> list[str]:
    """Give a set to each row that has none. Rows are changed in place.

    Args:
        groups: Groups of rows that must stay together.
        shares: Shares of train, validate and test, with any sum.
        seed: Seed of the hash.
        again: Choose anew for rows that have a set, too.

    Returns:
        A line for each group that is in several sets already. Its rows stay as they are.
    """
    problems = []
    free = []  # groups whose set was chosen here
    for group in groups:
        has = [] if again else group.sets()
        left = [row for row in group.rows if again or not row.set]
        if len(has) > 1:
            stay = f"; {len(left)} clips of it get none" if left else ""
            problems.append(
                f"{shown(group.name)} is in {' and '.join(has)} already{stay}: "
                "fix its rows, or split all with --again"
            )
            continue
        chosen = has[0] if has else set_of(group.name, shares, seed)
        for row in left:
            row.set = chosen
        if not has:
            free.append(group)
    _fill_up(groups, free, shares, seed)
    return problems


def _fill_up(
    groups: list[Group], free: list[Group], shares: tuple[float, float, float], seed: int
) -> None:
    """Move groups of small classes to sets that got too few of them by the hash.

    The hash alone leaves a class of 20 takes without a validation clip every tenth time. Only
    groups of one class whose set was chosen just now are moved.

    Args:
        groups: All groups, with their sets.
        free: Those that may be moved.
        shares: Shares of train, validate and test, with any sum.
        seed: Seed of the hash.
    """
    of_class: dict[str, list[Group]] = defaultdict(list)
    movable = {id(group) for group in free}
    for group in groups:
        labels = {row.label for row in group.rows}
        if len(labels) == 1:
            of_class[labels.pop()].append(group)
    wanted_sets = [name for name, share in zip(SETS, shares, strict=True) if share]
    for members in of_class.values():
        count = len(members)
        if count < len(wanted_sets) or count > SMALL:
            continue
        least = {
            name: max(1, math.floor(count * share / sum(shares))) if share else 0
            for name, share in zip(SETS, shares, strict=True)
        }
        largest = max(least, key=lambda name: least[name])
        least[largest] = min(least[largest], count - (sum(least.values()) - least[largest]))
        inside = {name: [g for g in members if g.rows[0].set == name] for name in SETS}
        for name in wanted_sets:
            while len(inside[name]) < least[name]:
                donor = max(SETS, key=lambda other: len(inside[other]) - least[other])
                able = [g for g in inside[donor] if id(g) in movable]
                if donor == name or len(inside[donor]) <= least[donor] or not able:
                    break
                moved = min(able, key=lambda g: _digest(f"{seed}:{g.name}:moved"))
                inside[donor].remove(moved)
                inside[name].append(moved)
                for row in moved.rows:
                    row.set = name


def split_by_time(
    rows: list[Row], shares: tuple[float, float, float], gap: float, digests: dict[str, bytes]
) -> tuple[list[Row], int]:
    """Split recordings in time: first train, then validate, then test. Rows are changed in place.

    Args:
        rows: The rows. Those without source, start and end are not changed.
        shares: Shares of train, validate and test in the time of each recording, with any sum.
        gap: Seconds between two sets. Clips within it go to no set.
        digests: Digest of the sound of each file. A copy of a sound in another set goes to no set.

    Returns:
        The rows that were split by time, and how many of them are in no set.
    """
    recordings: dict[str, list[tuple[float, float, Row]]] = defaultdict(list)
    for row in rows:
        times = times_of(row)
        if row.source and times is not None:
            recordings[row.source].append((*times, row))
    parts = [(name, share) for name, share in zip(SETS, shares, strict=True) if share]
    first: dict[bytes, str] = {}
    placed = []
    for clips in recordings.values():
        clips.sort(key=lambda clip: clip[:2])
        begin, length = clips[0][0], max(end for _, end, _ in clips) - clips[0][0]
        edges, at = [-math.inf], 0.0
        for _, share in parts[:-1]:
            at += share / sum(shares)
            edges.append(begin + at * length)
        edges.append(math.inf)
        for start, end, row in clips:
            row.set = ""
            for (name, _), low, high in zip(parts, edges, edges[1:], strict=False):
                if start >= low + gap / 2 and end <= high - gap / 2:
                    row.set = name
            digest = digests.get(row.file)
            if row.set and digest and first.setdefault(digest, row.set) != row.set:
                row.set = ""
            placed.append(row)
    return placed, sum(not row.set for row in placed)


def uneven(groups: list[Group], shares: tuple[float, float, float]) -> list[str]:
    """Describe the classes whose shares differ much from the wanted ones.

    Args:
        groups: Groups of rows that have their sets.
        shares: Wanted shares of train, validate and test, with any sum.

    Returns:
        A line for each class that is more than UNEVEN percentage points off, or missing in a set.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)  # clips of a class in a set
    sizes: dict[str, Counter[str]] = defaultdict(Counter)  # clips of a class in a group
    for group in groups:
        for row in group.rows:
            counts[row.label][row.set] += 1
            sizes[row.label][group.name] += 1
    lines = []
    for label, by_set in sorted(counts.items()):
        total = sum(by_set.values())
        parts = []
        for name, share in zip(SETS, shares, strict=True):
            wanted = 100 * share / sum(shares)
            got = 100 * by_set[name] / total
            if abs(got - wanted) > UNEVEN or (wanted and not by_set[name]):
                parts.append(f"{got:.0f} % in {name}, not {wanted:.0f}")
        if parts:
            name, most = sizes[label].most_common(1)[0]
            why = f"{total} clips are too few for these shares: record more"
            if most > 1:
                why = (
                    f"{total} clips in {len(sizes[label])} groups that can't be split; the "
                    f"largest, {shown(name)}, has {most}"
                )
            lines.append(f"{shown(label)}: {'; '.join(parts)}: {why}")
    return lines


def table(rows: list[Row]) -> dict[str, dict[str, int]]:
    """Count the clips of each class in each set. The key "" means no set."""
    found: dict[str, dict[str, int]] = {}
    for row in sorted(rows, key=lambda row: row.label):
        found.setdefault(row.label, dict.fromkeys((*SETS, ""), 0))[row.set] += 1
    return found


def _show(counts: dict[str, dict[str, int]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown_table = Table(box=box.SIMPLE)
    shown_table.add_column("class")
    for name in (*SETS, "no set"):
        shown_table.add_column(name, justify="right")
    for label, sets in counts.items():
        shown_table.add_row(Text(shown(label)), *(str(n) for n in sets.values()))
    Console().print(shown_table)


@dataclass(frozen=True)
class Done:
    """What a split has done.

    Attributes:
        counts: Clips by class and set.
        groups: Number of groups that stay together.
        uneven: Remarks on classes whose shares are not as wanted.
        problems: Groups that are in several sets.
        bad_rows: Invalid rows, which were left alone.
        placed: Rows that were split in time.
        unused: How many of them are in no set.
    """

    counts: dict[str, dict[str, int]]
    groups: int
    uneven: list[str]
    problems: list[str]
    bad_rows: list[str]
    placed: list[Row]
    unused: int


def split_dataset(
    dataset: Path,
    shares: tuple[float, float, float] = (80, 10, 10),
    seed: int = 0,
    again: bool = False,
    gap: float | None = None,
) -> Done:
    """Put every clip of a dataset into a set, as `host data split` does.

    Args:
        dataset: Folder of the dataset.
        shares: Percent of the clips in train, validate and test.
        seed: Gives another split.
        again: Whether to forget the sets that clips have.
        gap: Seconds between two sets of a recording that is split in time. None keeps recordings
            whole.

    Raises:
        UserError: The dataset can't be read or written, or no row can be split in time.
    """
    files = [row.file for row in open_rows(dataset).rows]
    digests = {}
    with bar("clips", len(files)) as step:
        for file in files:
            digests[file] = measure(dataset, file, levels=False).digest
            step()
    with metadata.lock(dataset):
        found = open_rows(dataset)
        placed: list[Row] = []
        unused = 0
        if gap is not None:
            placed, unused = split_by_time(found.rows, shares, gap, digests)
            if not placed:
                raise UserError(
                    f"{shown(dataset)}: no row says where in its source a clip was cut: "
                    "make clips with host data cut or host data import --seconds"
                )
        in_time = {row.file for row in placed}
        groups = groups_of([row for row in found.rows if row.file not in in_time], digests)
        problems = split_rows(groups, shares, seed, again)
        found.save(dataset)
    return Done(
        table(found.rows),
        len(groups),
        uneven(groups, shares),
        problems,
        found.problems,
        placed,
        unused,
    )


@click.command()
@dataset_option
@click.option("--train", type=click.FloatRange(0, 100), default=80, show_default=True, help="%")
@click.option("--validate", type=click.FloatRange(0, 100), default=10, show_default=True, help="%")
@click.option("--test", type=click.FloatRange(0, 100), default=10, show_default=True, help="%")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the choice.")
@click.option("--again", is_flag=True, help="Choose anew for clips that have a set, too.")
@click.option(
    "--by",
    type=click.Choice(["group", "time"]),
    default="group",
    show_default=True,
    help="Keep recordings whole, or split each in time.",
)
@click.option(
    "--gap",
    type=click.FloatRange(GAP, 3600),
    default=10.0,
    show_default=True,
    help="Seconds between two sets of a recording that is split in time.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the clips of each class and set as JSON."
)
def split(
    dataset: Path,
    train: float,
    validate: float,
    test: float,
    seed: int,
    again: bool,
    by: str,
    gap: float,
    as_json: bool,
) -> None:
    """Put every clip into the train, validate or test set.

    Clips of one speaker or one source, and copies of the same sound, stay in one set. A hash of the
    speaker (or source, or file) decides which. Small classes are evened out, so that each set gets
    its share. Clips that have a set keep it, and new clips that belong with them join it.

    A single long recording can't be split this way. --by time splits each recording in time if the
    rows of its clips say where they were cut (host data cut, host data import --seconds). Its
    beginning goes to train and its end to test. Clips within the --gap between two sets go to none.

    \b
    Examples:
        host data split --train 80 --validate 10 --test 10
        host data split --by time --gap 10
    """
    shares = (train, validate, test)
    if not math.isclose(sum(shares), 100, abs_tol=0.01):
        raise UserError(
            f"--train, --validate and --test make {sum(shares):g} %: they must make 100"
        )
    done = split_dataset(dataset, shares, seed, again, gap if by == "time" else None)
    lines, counts, placed, unused = done.uneven, done.counts, done.placed, done.unused
    problems = done.problems
    for problem in (*done.bad_rows, *problems):
        click.echo(problem, err=True)
    if as_json:
        about = {"classes": counts, "groups": done.groups, "uneven": lines, "problems": problems}
        if placed:
            about |= {"by_time": len(placed), "unused": unused}
        click.echo(json.dumps(about, indent=2))
    else:
        _show(counts)
        for line in lines:
            click.echo(line)
        if placed:
            click.echo(
                f"{len(placed)} clips were split by time; {unused} of them are in no set: they are "
                f"within {gap:g} s of another set"
            )
    if problems:
        raise SystemExit(1)
