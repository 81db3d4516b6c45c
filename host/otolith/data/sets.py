"""Decides which recordings train a network, which validate it and which test it.

[data] split chooses between the set column, groups and k folds. Hashes of names decide the rest, so
clips added later do not move other clips to another set.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from otolith.data.metadata import Row
from otolith.data.split import groups_of, split_rows
from otolith.errors import UserError
from otolith.settings.spec import Data

SHARES = (80, 10, 10)  # percent for train, validate and test, of the clips without a set


def place(name: str, seed: int) -> float:
    """A number from 0 to 1 that depends only on a name and a seed."""
    digest = hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def held_out(members: Sequence[tuple[str, str]], share: float, seed: int) -> set[str]:
    """Choose the groups for validation.

    Args:
        members: Class and group of each clip.
        share: Share of the clips of each class to choose, 0 to 1.
        seed: Seed of the choice.

    Returns:
        Names of the chosen groups. Of each class with two or more groups, at least one group is
        chosen and at least one is not.
    """
    clips: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for label, group in members:
        clips[label][group] += 1
    chosen: set[str] = set()
    for label in sorted(clips):
        groups = clips[label]
        wanted = max(1, share * sum(groups.values()))
        have = sum(groups[g] for g in groups if g in chosen)
        free = sorted((g for g in groups if g not in chosen), key=lambda g: (place(g, seed), g))
        while have < wanted - 0.5 and len(free) > 1:
            group = free.pop(0)
            chosen.add(group)
            have += groups[group]
    return chosen


def folds_of(groups: dict[str, int], folds: int, seed: int) -> dict[str, int]:
    """Distribute groups over folds of about the same size.

    Args:
        groups: Number of clips of each group.
        folds: Number of folds.
        seed: Seed of the order.

    Returns:
        The fold of each group, from 1. In the order of their hashes, each group goes to the fold
        with the fewest clips.
    """
    filled = dict.fromkeys(range(1, folds + 1), 0)
    found = {}
    for group in sorted(groups, key=lambda g: (place(g, seed), g)):
        fold = min(filled, key=lambda f: (filled[f], f))
        found[group] = fold
        filled[fold] += groups[group]
    return found


_COLUMNS = ("file", "speaker", "source", "device", "date", "note")


def _column(key: str, name: str, rows: Sequence[Row]) -> Callable[[Row], str]:
    """A function that returns the value of a clip in a column. UserError if there is none."""
    known = set(_COLUMNS).union(*(row.extra for row in rows))
    if name not in known:
        raise UserError(
            f"[data] {key} = {name!r}: metadata.csv has no such column: {', '.join(sorted(known))}"
        )
    if name in _COLUMNS:
        return lambda row: str(getattr(row, name))
    return lambda row: row.extra.get(name, "")


def group_of(data: Data, rows: Sequence[Row]) -> Callable[[Row], str]:
    """Find the groups of clips that must stay in one set.

    Args:
        data: The spec's [data] section.
        rows: All clips.

    Returns:
        A function that returns the name of a clip's group: its value in the column [data] group,
        or, without that key, the speaker, source or file that links it to other clips.

    Raises:
        UserError: The column does not exist.
    """
    if data.group:
        return _column("group", data.group, rows)
    names = {row.file: group.name for group in groups_of(list(rows)) for row in group.rows}
    return lambda row: names[row.file]


def always_trains(data: Data, group: str) -> bool:
    """Whether a name or a pattern in [data] train_groups matches a group."""
    return any(fnmatchcase(group, pattern) for pattern in data.train_groups)


def assign(data: Data, rows: Sequence[Row]) -> list[str]:
    """Decide the set of each clip according to [data] split.

    Args:
        data: The spec's [data] section.
        rows: The clips of the dataset.

    Returns:
        "train", "validate", "test" or "" (none) for each row.

    Raises:
        UserError: A column or group does not exist, or there are fewer groups than folds.
    """
    if data.split == "set":
        copies = [Row(r.file, r.label, r.set, speaker=r.speaker, source=r.source) for r in rows]
        split_rows(groups_of(copies), SHARES, data.seed)
        return [row.set for row in copies]
    group = group_of(data, rows)
    if data.split == "group":
        tests = set(data.test_groups)
        unknown = sorted(tests - {group(row) for row in rows})
        if unknown:
            raise UserError(f"[data] test_groups: no clip has {data.group} {unknown[0]!r}")
        both = sorted(name for name in tests if always_trains(data, name))
        if both:
            raise UserError(f"[data] {both[0]!r} is in test_groups and in train_groups")
    else:
        sizes: dict[str, int] = defaultdict(int)
        for row in rows:
            sizes[group(row)] += 1
        if len(sizes) < data.folds:
            raise UserError(
                f"[data] folds = {data.folds}: the clips are of {len(sizes)} groups only: "
                "fewer folds, or another group"
            )
        fold = folds_of(sizes, data.folds, data.seed)
        tests = {name for name in sizes if fold[name] == data.fold}
    rest = [row for row in rows if group(row) not in tests]
    by_group = data.validate_by == "group"
    part = group if by_group else _column("validate_by", data.validate_by, rows)
    free = [row for row in rest if not always_trains(data, group(row))]
    kept_out = held_out([(row.label, part(row)) for row in free], data.validate_share, data.seed)

    def chosen(row: Row) -> str:
        if group(row) in tests:
            return "test"
        return "validate" if part(row) in kept_out else "train"

    return [chosen(row) for row in rows]
