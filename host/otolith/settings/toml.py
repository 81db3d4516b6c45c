"""TOML with line numbers.

Neither tomllib nor tomlkit tells where a key stands, so a small scanner finds the lines of section
headers and keys in text that tomllib has accepted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otolith.errors import UserError
from otolith.untrusted import load_toml, read_text

# What a line may hold besides keys: strings (they may span lines and hold brackets), comments,
# brackets, the end of the line, and anything else one character at a time.
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})'
    r'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}]|\n|[^\n"\'#\[\]{}]+|.',
    re.DOTALL,
)
_PART = re.compile(r'\s*(?:"((?:\\.|[^"\\])*)"|\'([^\']*)\'|([A-Za-z0-9_-]+))\s*')


@dataclass(frozen=True)
class Document:
    """A TOML file. tables: its contents. lines: line number, from 1, by path of a section or key;
    keys of inline tables have none. where: the file's name for messages."""

    tables: dict[str, Any]
    lines: Mapping[tuple[str, ...], int]
    where: str


def _path(text: str) -> tuple[str, ...]:
    """A dotted key as its parts: `fe."a b".c` -> ("fe", "a b", "c")."""
    parts: list[str] = []
    at = 0
    while match := _PART.match(text, at):
        basic, literal, bare = match.groups()
        if basic is not None:
            basic = load_toml(f'x = "{basic}"')["x"]
        parts.append(next(part for part in (basic, literal, bare) if part is not None))
        at = match.end()
        if text[at : at + 1] != ".":
            break
        at += 1
    return tuple(parts)


def _statements(text: str) -> list[tuple[int, str]]:
    """(line, text) of every statement: a header, or a key with its value."""
    found: list[tuple[int, str]] = []
    parts: list[str] = []
    line, first, depth = 1, 1, 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "\n" and depth == 0:
            if parts:
                found.append((first, "".join(parts)))
            parts = []
        elif not token.startswith("#") and (parts or token.strip()):
            if not parts:
                first = line
            parts.append(token)
            depth += (token in ("[", "{")) - (token in ("]", "}"))
        line += token.count("\n")
    return [*found, (first, "".join(parts))] if parts else found


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Line numbers, from 1, of the sections and keys of a valid TOML text, by path."""
    lines: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    for number, statement in _statements(text.replace("\r\n", "\n")):
        inner = statement.strip()
        if inner.startswith("["):
            section = _path(inner.strip("[] \t"))
            path = section
        else:
            path = (*section, *_path(inner))
        for end in range(1, len(path) + 1):
            lines.setdefault(path[:end], number)
    return lines


def with_section(text: str, name: str, table: Mapping[str, Any]) -> str:
    """A TOML text with new contents of one section.

    Everything else stays as it is, comments too. Those inside the section go.

    Args:
        text: A valid TOML text.
        name: Of the section. It is added at the end if the text has none.
        table: Numbers, texts, true and false, lists of these, and tables of these, which become
            dotted keys.

    Raises:
        UserError: The text has the section in another form than below a header.
    """
    text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    headers = [(n, _path(s.strip("[] \t"))[0]) for n, s in _statements(text) if s.startswith("[")]
    begins = [number for number, first in headers if first == name]
    if not begins and (name,) in key_lines(text):
        raise UserError(f"write [{name}] as a section of its own first")
    ends = [*(number for number, _ in headers), len(lines) + 1]
    dropped: set[int] = set()
    for begin in begins:
        end = next(number for number in ends if number > begin)
        while end <= len(lines) and end - 1 > begin and _is_above(lines[end - 2]):
            end -= 1  # what stands above the next header is about that section
        dropped.update(range(begin, end))
    new = [f"[{name}]", *_entries(table)]
    if not begins:
        return "\n".join([text.rstrip("\n"), "", *new, ""])
    out: list[str] = []
    for number, line in enumerate(lines, 1):
        if number == begins[0]:
            out += new
        if number not in dropped:
            out.append(line)
    return "\n".join(out).rstrip("\n") + "\n"


def _is_above(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _entries(table: Mapping[str, Any], before: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += _entries(value, f"{before}{key}.")
        else:
            lines.append(f"{before}{key} = {_written(value)}")
    return lines


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def read_document(file: Path) -> Document:
    """A TOML file with its line numbers.

    Raises:
        UserError: It can't be read or is not TOML; the message begins with the file's name.
    """
    text = read_text(file, "give a model folder with a spec.toml")
    try:
        tables = load_toml(text)
    except UserError as error:
        raise UserError(f"{file}: {error.message}") from error
    return Document(tables, key_lines(text), str(file))
