"""TOML with line numbers.

Neither tomllib nor tomlkit tells where a key stands, so a small scanner finds the lines of section
headers and keys in text that tomllib has accepted.
"""

from __future__ import annotations

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
