"""Reads TOML and JSON that come from outside, within limits.

A file of a few kilobytes can hold a number of 400 digits or lists a thousand levels deep, which
Python reads and later code does not expect. Here they are refused.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from otolith.errors import UserError, short

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEEPEST = 32  # levels of tables and lists
LARGEST = 2**63 - 1  # integers: what TOML guarantees
MOST_TEXT = 4 << 20  # bytes of a settings file


def _check(value: object, depth: int = 0) -> None:
    """UserError unless a value is within the limits and all text in it is Unicode."""
    if depth > DEEPEST:
        raise UserError(f"tables and lists are nested more than {DEEPEST} levels deep")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check(key, depth + 1)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
    elif isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
        raise UserError("an integer has more than 64 bits")
    elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise UserError(f"a text that is not Unicode: {short(repr(value))}")


def load_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        UserError: It is not JSON, is nested too deeply, or holds an integer of more than 64 bits
            or text that is not Unicode. The message says which, without naming the source.
    """
    if len(text) > MOST_TEXT:
        raise UserError(f"more than {MOST_TEXT >> 20} MB of JSON")
    try:
        value = json.loads(text)
    except RecursionError:
        raise UserError("not JSON: nested too deeply") from None
    except ValueError as error:
        raise UserError(f"not JSON: {short(error)}") from error
    _check(value)
    return value


def load_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        UserError: It is not TOML, is nested too deeply, or holds an integer of more than 64 bits.
            The message says which, without naming the source.
    """
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except RecursionError:
        raise UserError("not TOML: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"not TOML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # an integer with more digits than Python converts
        raise UserError(f"not TOML: {short(error)}") from error
    _check(tables)
    return tables


def read_text(file: Path, what: str = "") -> str:
    """The text of a settings file, without a byte order mark.

    Args:
        file: The file.
        what: Advice for the message if it can't be opened.

    Raises:
        UserError: It can't be read, is too large, or is no UTF-8.
    """
    try:
        with file.open("rb") as source:
            data = source.read(MOST_TEXT + 1)
    except OSError as error:
        advice = f": {what}" if what else ""
        raise UserError(f"{file}: {error.strerror}{advice}") from error
    if len(data) > MOST_TEXT:
        raise UserError(f"{file}: more than {MOST_TEXT >> 20} MB: no settings file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 text: byte {error.start} is invalid") from error
