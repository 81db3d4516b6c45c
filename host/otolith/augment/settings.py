"""The sections of [augment] -> augmentations (otolith/settings/augment.py describes them)."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import textwrap
from collections.abc import Mapping
from typing import Any, TypeGuard

from otolith.augment.base import Augmentation
from otolith.augment.registry import NAMES, find
from otolith.errors import UserError
from otolith.settings.former import take_former
from otolith.settings.problems import Problems

SHORT = ("windows_a_clip",)  # keys of [augment] that are no sections


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _value(field: dataclasses.Field[Any], value: Any) -> object:
    """A setting's value, of the type its field has. UserError that says what it must be."""
    about = field.metadata
    if "names" in about:
        if value not in about["names"]:
            raise UserError(f"must be one of {', '.join(about['names'])}")
        return value
    if "limits" not in about:
        if "folder" in about:
            if not isinstance(value, str):
                raise UserError("must be a folder's name")
            return value
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise UserError("must be a list of names")
        return value
    least, most = about["limits"]
    if field.name == "probability":
        if _is_number(value) and least <= value <= most:
            return float(value)
        raise UserError("must be 0 to 1")
    pair: list[Any] = value if isinstance(value, list) else [value, value]
    wanted = f"[lowest, highest], from {least:g} to {most:g}"
    if len(pair) != 2 or not all(_is_number(entry) for entry in pair):
        raise UserError(f"must be {wanted}")
    if not least <= pair[0] <= pair[1] <= most:
        raise UserError(f"must be {wanted}")
    if about["whole"] and not all(isinstance(entry, int) for entry in pair):
        raise UserError(f"must be whole numbers: {wanted}")
    return (pair[0], pair[1]) if about["whole"] else (float(pair[0]), float(pair[1]))


def read_one(name: str, table: object, problems: Problems) -> Augmentation | None:
    """The augmentation of an [augment.<name>] section.

    Args:
        name: An augmentation's name.
        table: The section as written.
        problems: Takes what is wrong.

    Returns:
        The augmentation; None if something is wrong.
    """
    section = problems.section(f"augment.{name}")
    if not isinstance(table, dict):
        problems.add("augment", name, f"{name} must be a section, [augment.{name}]")
        return None
    kind = find(name)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in fields:
            section.unknown(key, fields)
            continue
        try:
            values[key] = _value(fields[key], value)
        except UserError as error:
            section.wrong(key, value, error.message)
    return kind(**values) if section.clean(*table) else None


def parse(table: Mapping[str, object], where: str) -> list[Augmentation]:
    """The augmentations of an [augment] table, in the order they are applied.

    Args:
        table: The table as written.
        where: The file, which begins messages.

    Raises:
        UserError: Something is unknown or out of range. The message lists every problem.
    """
    problems = Problems()
    table = take_former("augment", table, problems)
    for key in table:
        if key not in NAMES and key not in SHORT:
            problems.section("augment").unknown(key, [*NAMES, *SHORT])
    found = [read_one(name, table[name], problems) for name in NAMES if name in table]
    problems.refuse(where)
    return [one for one in found if one is not None]


def described() -> str:
    """Every augmentation as a section of a spec, with its defaults and their limits."""
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
