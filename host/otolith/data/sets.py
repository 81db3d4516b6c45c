"""Which recordings train a network, which validate it, which test it: by the set column, by group,
or by turns (k-fold). A hash of names decides, never their order or number alone."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from otolith.data.metadata import Row
from otolith.data.split import groups_of, split_rows
from otolith.errors import UserError
from otolith.settings.spec import Data

SHARES = (80, 10, 10)  # of clips that are in no set


def place(name: str, seed: int) -> float:
    """0..1, by a hash."""
    digest = hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def held_out(members: Sequence[tuple[str, str]], share: float, seed: int) -> set[str]:
    """Groups that validate: of every class about `share` of its clips, at least one group and never
    all. members: (class, group) of each clip."""
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
    """The fold, 1..folds, of each group: dealt out in the order of their hashes, each to the fold
    that has the fewest clips. groups: how many clips each has."""
    filled = dict.fromkeys(range(1, folds + 1), 0)
    found = {}
    for group in sorted(groups, key=lambda g: (place(g, seed), g)):
        fold = min(filled, key=lambda f: (filled[f], f))
        found[group] = fold
        filled[fold] += groups[group]
    return found


def group_of(data: Data, rows: Sequence[Row]) -> Callable[[Row], str]:
    """What a clip must stay together with: its value in the column [data] group names, or without
    one its speaker, source or file, whatever links it with others."""
    if not data.group:
        names = {row.file: group.name for group in groups_of(list(rows)) for row in group.rows}
        return lambda row: names[row.file]
    known = {"file", "speaker", "source", "device", "date", "note"}
    if data.group not in known.union(*(row.extra for row in rows)):
        raise UserError(
            f"[data] group = {data.group!r}: metadata.csv has no such column: "
            f"{', '.join(sorted(known.union(*(row.extra for row in rows))))}"
        )
    return lambda row: (
        getattr(row, data.group) if data.group in known else row.extra.get(data.group, "")
    )


def always_trains(data: Data, group: str) -> bool:
    """Whether [data] train_groups names it, or a pattern there does."""
    return any(fnmatchcase(group, pattern) for pattern in data.train_groups)


def assign(data: Data, rows: Sequence[Row]) -> list[str]:
    """The set of each clip of a data set, as [data] split asks."""
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
    part = (lambda row: row.file) if data.validate_by == "file" else group
    free = [row for row in rest if not always_trains(data, group(row))]
    kept_out = held_out([(row.label, part(row)) for row in free], data.validate_share, data.seed)

    def chosen(row: Row) -> str:
        if group(row) in tests:
            return "test"
        return "validate" if part(row) in kept_out else "train"

    return [chosen(row) for row in rows]
