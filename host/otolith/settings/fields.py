"""Settings as dataclass fields that carry their own description, and tables read into them.

A setting's text, unit and range stand once, at its field. Checks, error messages and the reference
page take them from there.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar

from otolith.settings.problems import Section


class Settings(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=Settings)
_ABOUT = "about"


@dataclass(frozen=True)
class Range:
    """low..high. open_low, open_high: that end is not allowed itself."""

    low: float
    high: float | None = None
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value lies in it. NaN never does."""
        above = self.low < value if self.open_low else self.low <= value
        if self.high is None:
            return above
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        """In words, to follow "must be"."""
        low = f"{self.low:.10g}"
        if self.high is None:
            return f"above {low}" if self.open_low else f"at least {low}"
        high = f"{self.high:.10g}"
        if self.open_low:
            return f"between {low} and {high}" if self.open_high else f"above {low}, up to {high}"
        return f"{low} to below {high}" if self.open_high else f"{low} to {high}"


@dataclass(frozen=True)
class About:
    """What is known of a setting besides its type and default."""

    text: str  # what it does
    unit: str = ""
    range: Range | None = None  # of a number
    names: tuple[str, ...] = ()  # the values a text may have
    since: str = "0.1"  # version that introduced it
    in_spec: bool = True  # may be written in a spec
    in_model: bool = True  # travels in the .tflite
    newer: bool = False
    """Models made before this setting existed have metadata without it. It is therefore left out
    of metadata while it has its default, so that such a model keeps its bytes and its hash."""


def setting(
    text: str,
    default: object = dataclasses.MISSING,
    *,
    factory: Any = dataclasses.MISSING,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    names: tuple[str, ...] = (),
    since: str = "0.1",
    in_spec: bool = True,
    in_model: bool = True,
    newer: bool = False,
) -> Any:
    """A dataclass field with its description.

    Args:
        text: What the setting does.
        default: Its default; without one the setting is required.
        factory: Makes the default, where it is mutable.
        unit: Unit of a number, such as "Hz" or "frames".
        low: Least value allowed; `above` instead if it is not allowed itself.
        high: Greatest value allowed; `below` instead if it is not allowed itself.
        names: The values a text may have.
        since: The version that introduced it.
        in_spec: Whether it may be written in a spec.
        in_model: Whether it travels in the .tflite.
        newer: Whether metadata leaves it out while it has its default.
    """
    lowest, highest = (low if above is None else above), (high if below is None else below)
    limits = None
    if lowest is not None:
        limits = Range(lowest, highest, above is not None, below is not None)
    about = About(text, unit, limits, names, since, in_spec, in_model, newer)
    extra: dict[str, Any] = {"metadata": {_ABOUT: about}}
    if factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=factory, **extra)
    if default is dataclasses.MISSING:
        return dataclasses.field(**extra)
    return dataclasses.field(default=default, **extra)


def about(field: dataclasses.Field[Any]) -> About:
    """The description of a field made by `setting`."""
    found = field.metadata[_ABOUT]
    assert isinstance(found, About)
    return found


def settings_of(kind: type[Settings]) -> dict[str, dataclasses.Field[Any]]:
    """Name -> field of every setting of a dataclass."""
    return {field.name: field for field in dataclasses.fields(kind) if _ABOUT in field.metadata}


def default_of(field: dataclasses.Field[Any]) -> object:
    """A field's default; MISSING if it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@cache
def _hints(kind: type[Settings]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_LISTS = {int: "a list of whole numbers", float: "a list of numbers", str: "a list of names"}


def wanted(hint: object) -> str:
    """A type in words: "a whole number", "a list of names"."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        return _LISTS[arguments[0]]
    if origin is dict:
        return "a table of numbers"
    return _WORDS[typing.cast(type, hint)]


def _is(value: object, kind: object) -> bool:
    """Whether a value from TOML or JSON is of a simple type. true is no number; 1 is a float."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)  # type: ignore[arg-type]


def _value(value: object, hint: object) -> object:
    """The value as the field holds it; MISSING if it is of another type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        good = isinstance(value, list | tuple) and all(_is(v, arguments[0]) for v in value)
        return tuple(typing.cast("list[object]", value)) if good else dataclasses.MISSING
    if origin is dict:
        good = isinstance(value, dict) and all(_is(v, arguments[1]) for v in value.values())
        return dict(typing.cast("dict[str, object]", value)) if good else dataclasses.MISSING
    return value if _is(value, hint) else dataclasses.MISSING


def _empty(hint: Any) -> Any:
    """Stands for a required value that is missing, so that the remaining checks can run."""
    return (typing.get_origin(hint) or hint)()


def read(
    kind: type[T],
    table: Mapping[str, object],
    section: Section,
    *,
    of_model: bool = False,
    known: tuple[str, ...] = (),
) -> T:
    """A dataclass from a table of a spec or of metadata; what is wrong goes to `section`.

    Args:
        kind: The dataclass; its fields are made by `setting`.
        table: What the file says.
        section: Takes the problems: unknown and missing keys, wrong types, values out of range.
        of_model: The table is from a model's metadata: unknown keys are ignored, and every setting
            that is not newer than the first models must be there.
        known: Further keys the table may have, which the caller reads.

    Returns:
        The settings, with defaults in place of what is wrong.
    """
    fields, hints = settings_of(kind), _hints(kind)
    values: dict[str, Any] = {}
    misspelt: set[str] = set()
    if not of_model:
        writable = [name for name, field in fields.items() if about(field).in_spec]
        for key in table:
            if key not in writable and key not in known:
                section.unknown(key, [*writable, *known])
                misspelt.update(difflib.get_close_matches(key, writable, 1))
    for name, field in fields.items():
        told = about(field)
        default = default_of(field)
        if name not in table or not (told.in_model if of_model else told.in_spec):
            optional = default is not dataclasses.MISSING
            if of_model and told.in_model and not told.newer:
                optional = False
            if not optional and name not in misspelt:
                section.lacks(name)
            values[name] = _empty(hints[name]) if default is dataclasses.MISSING else default
            continue
        value = _value(table[name], hints[name])
        if value is dataclasses.MISSING:
            section.wrong(name, table[name], f"must be {wanted(hints[name])}")
            value = _empty(hints[name]) if default is dataclasses.MISSING else default
        elif told.range is not None and not told.range.holds(typing.cast(float, value)):
            section.wrong(name, value, f"must be {told.range}")
        elif told.names and value not in told.names:
            near = nearest_name(str(value), told.names)
            section.wrong(name, value, f"must be one of {', '.join(told.names)}{near}")
        values[name] = value
    return kind(**values)


def nearest_name(word: str, names: tuple[str, ...]) -> str:
    """ ": did you mean X?", or nothing if none is close."""
    match = difflib.get_close_matches(word, names, 1)
    return f": did you mean {match[0]}?" if match else ""


def table_of(settings: Settings) -> dict[str, object]:
    """What of some settings travels in the .tflite, as JSON values."""
    table: dict[str, object] = {}
    for name, field in settings_of(type(settings)).items():
        value, told = getattr(settings, name), about(field)
        if not told.in_model or (told.newer and value == default_of(field)):
            continue
        if isinstance(value, tuple):
            value = list(value)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = table_of(value)
        table[name] = value
    return table
