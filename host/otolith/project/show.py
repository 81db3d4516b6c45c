"""Every setting of a spec that is in force, and where it comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otolith.settings.fields import about, settings_of
from otolith.settings.filling import Filled
from otolith.settings.front_ends.presets import PRESETS
from otolith.settings.spec import Spec, read_filled
from otolith.settings.toml import Document


@dataclass(frozen=True)
class Shown:
    """One setting in force.

    section, key: Where it stands in a spec. origin: "line 3", "kind word", "preset keyword",
    "default" and the like. text: What the setting does. unit: Of a number.
    """

    section: str
    key: str
    value: object
    origin: str
    text: str = ""
    unit: str = ""


def settings_in_force(path: Path | str) -> list[Shown]:
    """All settings of a spec with their origins.

    Args:
        path: A model's folder, or its spec.toml.

    Raises:
        UserError: The spec can't be read, or something in it is wrong.
    """
    spec, filled, document = read_filled(path)
    return list(_rows(spec, filled, document))


def _rows(spec: Spec, filled: Filled, document: Document) -> Iterator[Shown]:
    for section in (field.name for field in dataclasses.fields(Spec)):
        settings = getattr(spec, section)
        for key, field in settings_of(type(settings)).items():
            value = getattr(settings, key)
            told = about(field)
            origin = _origin(section, key, filled, document)
            if section == "features" and origin == "default":
                origin = _of_preset(key, filled)
            yield Shown(section, key, _plain(value), origin, told.text, told.unit)
        if section == "features":
            origin = _origin(section, "kind", filled, document)
            if origin == "default":
                origin = _of_preset("kind", filled)
            yield Shown(section, "kind", settings.kind, origin, "Kind of front end.")
        if section == "augment":
            yield from _augmentations(spec, filled, document)


def _augmentations(spec: Spec, filled: Filled, document: Document) -> Iterator[Shown]:
    for one in spec.augment.sections:
        name = _name_of(type(one))
        whole = filled.origins.get(("augment", name), "")
        for field in dataclasses.fields(one):
            line = document.lines.get(("augment", name, field.name))
            origin = f"line {line}" if line else (whole or "default")
            yield Shown(f"augment.{name}", field.name, _plain(getattr(one, field.name)), origin)


def _name_of(kind: type) -> str:
    from otolith.augment.registry import AUGMENTATIONS

    target = f"{kind.__module__}:{kind.__name__}"
    return next(name for name, known in AUGMENTATIONS.items() if known == target)


def _origin(section: str, key: str, filled: Filled, document: Document) -> str:
    line = document.lines.get((section, key))
    if line and key in document.tables.get(section, {}):
        return f"line {line}"
    return filled.origins.get((section, key), "default")


def _of_preset(key: str, filled: Filled) -> str:
    """Where a setting of the front end comes from that the spec does not name itself."""
    features = filled.tables["features"]
    preset: Any = features.get("preset")
    if preset in PRESETS:
        return f"preset {preset}"
    return "fe" if "fe" in features else "default"


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return list(value) if isinstance(value, tuple) else value
