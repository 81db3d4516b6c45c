"""[augment] of a spec -> augmentations.

[augment.background]
probability = 0.7
snr_db = [0, 20]    # drawn from this range; one number is always that one
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import sys
import textwrap

from otolith.augment.base import Augmentation
from otolith.augment.registry import NAMES, find
from otolith.errors import UserError, short
from otolith.settings.spec import refuse_former

SHORT = ("windows_a_clip",)  # keys of [augment] that are no sections


def _near(word: str, known: list[str]) -> str:
    match = difflib.get_close_matches(word, known, 1)
    match = match or [name for name in known if word in name.split("_")]
    return f"did you mean {match[0]}?" if match else f"known: {', '.join(known)}"


def _shown(key: str) -> str:
    return short(key if key.isprintable() else repr(key))


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _value(field: dataclasses.Field, value: object, where: str) -> object:
    """A setting's value, of the type its field has."""

    def bad(text: str) -> UserError:
        return UserError(f"{where} = {short(repr(value))}: must be {text}")

    about = field.metadata
    if "names" in about:
        if value not in about["names"]:
            raise bad(f"one of {', '.join(about['names'])}")
        return value
    if "limits" not in about:
        if "folder" in about:
            if not isinstance(value, str):
                raise bad("a folder's name")
            return value
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise bad("a list of names")
        return value
    least, most = about["limits"]
    if field.name == "probability":
        if not _is_number(value) or not least <= value <= most:  # type: ignore[operator]
            raise bad("0 to 1")
        return float(value)  # type: ignore[arg-type]
    pair = value if isinstance(value, list) else [value, value]
    wanted = f"[lowest, highest], from {least:g} to {most:g}"
    if len(pair) != 2 or not all(_is_number(entry) for entry in pair):
        raise bad(wanted)
    if not least <= pair[0] <= pair[1] <= most:
        raise bad(wanted)
    if about["whole"] and not all(isinstance(entry, int) for entry in pair):
        raise bad(f"whole numbers: {wanted}")
    return (pair[0], pair[1]) if about["whole"] else (float(pair[0]), float(pair[1]))


def _one(name: str, table: object, where: str) -> Augmentation:
    if not isinstance(table, dict):
        raise UserError(f"{where}: {name} must be a section, [augment.{name}]")
    kind = find(name)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    values = {}
    for key, value in table.items():
        if key not in fields:
            near = _near(key, list(fields))
            raise UserError(f"{where}: [augment.{name}] has no key {_shown(key)}: {near}")
        values[key] = _value(fields[key], value, f"{where}: [augment.{name}] {key}")
    return kind(**values)


def parse(table: dict, where: str) -> list[Augmentation]:
    """The augmentations of an [augment] table, in the order they are applied.

    where: the file, for messages. UserError in one line for what is not known or makes no sense.
    """
    refuse_former({"augment": table}, where)
    for key in table:
        if key not in NAMES and key not in SHORT:
            near = _near(key, [*NAMES, *SHORT])
            kind = "section" if isinstance(table[key], dict) else "key"
            raise UserError(f"{where}: [augment] has no {kind} {_shown(key)}: {near}")
    return [_one(name, table[name], where) for name in NAMES if name in table]


def described() -> str:
    """Every augmentation with its defaults, as a spec would have them, and the limits."""
    lines = []
    for name in NAMES:
        kind = find(name)
        module = sys.modules[kind.__module__]
        about = " ".join((module.__doc__ or "").split("\n\n")[0].split())
        lines += ["", f"[augment.{name}]  # {about}"]
        own = (kind.__doc__ or "").strip()
        if own and not own.startswith(f"{kind.__name__}("):  # not what dataclass made
            lines += textwrap.wrap(
                " ".join(own.split()), 94, initial_indent="# ", subsequent_indent="# "
            )
        for field in dataclasses.fields(kind):
            value = getattr(kind(), field.name)
            if isinstance(value, tuple):
                shown = f"[{value[0]:g}, {value[1]:g}]"
            else:
                shown = f"{value:g}" if isinstance(value, float) else json.dumps(value)
            least, most = field.metadata.get("limits", (None, None))
            limits = f"  # {least:g} to {most:g}" if least is not None else ""
            names = field.metadata.get("names")
            limits = f"  # {', '.join(names)}" if names else limits
            lines.append(f"{field.name} = {shown}{limits}")
    return "\n".join(lines[1:])
