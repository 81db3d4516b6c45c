"""Collects everything that is wrong with a spec or a model's metadata before reporting it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from otolith.errors import UserError, short

MOST_SHOWN = 20  # problems, or known names, one error lists
Need = Callable[[bool, str, str], None]
"""need(good, key, text) records `text` about `key` unless `good` is true."""


def shown(text: object) -> str:
    """`text` on one short line, with escapes for characters a terminal would act on."""
    plain = str(text)
    return short(plain if plain.isprintable() else repr(plain))


def _names(keys: str) -> str:
    """Keys as messages show them; several are separated by ", "."""
    return ", ".join(shown(key) for key in keys.split(", "))


def nearest(word: str, known: Iterable[str]) -> str:
    """ "did you mean X?", or the list of known words if none is close."""
    names = list(known)
    match = difflib.get_close_matches(word, names, 1)
    match = match or [name for name in names if word and word in name.split("_")]
    if match:
        return f"did you mean {shown(match[0])}?"
    more = ", ..." if len(names) > MOST_SHOWN else ""
    return f"known: {', '.join(map(shown, names[:MOST_SHOWN]))}{more}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. section: "train", or "" for the file. key: one key, or several
    separated by ", ". text: the complete statement about it."""

    section: str
    key: str
    text: str

    def paths(self) -> list[tuple[str, ...]]:
        """Where the key may stand in the file, most exact first."""
        sections = tuple(self.section.split(".")) if self.section else ()
        key = self.key.split(", ")[0]
        found = [(*sections, self.key), (*sections, key), (*sections, *key.split("."))]
        # A key that is missing is reported where its section begins.
        return found + [sections[:end] for end in range(len(sections), 0, -1)]


@dataclass
class Problems:
    """A list of problems. A key that has one already gets no second one."""

    found: list[Problem] = field(default_factory=list)

    def add(self, section: str, key: str, text: str) -> None:
        """Records a problem of a key."""
        if self.clean(section, *key.split(", ")):
            self.found.append(Problem(section, key, text))

    def clean(self, section: str, *keys: str) -> bool:
        """Whether none of these keys of a section has a problem."""
        bad = {key for p in self.found if p.section == section for key in p.key.split(", ")}
        return not bad.intersection(keys)

    def section(self, name: str) -> Section:
        """The problems of one section."""
        return Section(self, name)

    def refuse(self, where: str, lines: Mapping[tuple[str, ...], int] | None = None) -> None:
        """Raises a UserError that lists all problems, if there are any.

        Args:
            where: The file, which begins every line.
            lines: Line numbers by path of a key, from `otolith.settings.toml`.
        """
        if not self.found:
            return

        def line(problem: Problem) -> int:
            known = lines or {}
            return next((known[path] for path in problem.paths() if path in known), 0)

        listed = sorted(self.found, key=line)
        texts = [
            f"{where}:{line(p)}: {p.text}" if line(p) else f"{where}: {p.text}" for p in listed
        ]
        if len(texts) == 1:
            raise UserError(texts[0])
        more = len(texts) - MOST_SHOWN
        rest = [f"and {more} more"] if more > 0 else []
        head = f"{where}: {len(texts)} problems"
        raise UserError("\n  ".join([head, *texts[:MOST_SHOWN], *rest]))


@dataclass(frozen=True)
class Section:
    """The problems of one section of a spec or of metadata."""

    problems: Problems
    name: str

    def key(self, key: str) -> str:
        """A key as messages name it: "[train] epochs"."""
        return f"[{self.name}] {_names(key)}"

    def add(self, key: str, text: str) -> None:
        """Records a problem: "[train] epochs: text"."""
        self.problems.add(self.name, key, f"{self.key(key)}: {text}")

    def wrong(self, key: str, value: object, text: str) -> None:
        """Records a problem and shows the value: "[train] epochs = 0: text"."""
        self.problems.add(self.name, key, f"{self.key(key)} = {short(repr(value))}: {text}")

    def lacks(self, key: str) -> None:
        """Records that a key is missing."""
        self.problems.add(self.name, key, f"[{self.name}] lacks {shown(key)}")

    def unknown(self, key: str, known: Iterable[str]) -> None:
        """Records that there is no such key, with the nearest one."""
        text = f"[{self.name}] has no key {shown(key)}: {nearest(key, known)}"
        self.problems.add(self.name, key, text)

    def need(self, good: bool, key: str, text: str) -> None:
        """Records a problem unless `good`."""
        if not good:
            self.add(key, text)

    def clean(self, *keys: str) -> bool:
        """Whether none of these keys has a problem."""
        return self.problems.clean(self.name, *keys)


@dataclass(frozen=True)
class MetadataSection(Section):
    """A section of a model's metadata: messages name keys as "the model's detect.gate"."""

    def key(self, key: str) -> str:
        return (
            f"the model's {self.name}.{_names(key)}" if self.name else f"the model's {_names(key)}"
        )

    def lacks(self, key: str) -> None:
        name = f"{self.name}.{key}" if self.name else key
        self.problems.add(self.name, key, f"the model's metadata lacks {name}: train it again")
