"""The reference of spec.toml: every section and key, from the dataclasses of otolith.settings."""

from __future__ import annotations

import dataclasses
import json
import sys
import typing
from typing import Any

from otolith.augment.registry import NAMES, find
from otolith.settings.data import Data
from otolith.settings.deploy import Deploy
from otolith.settings.detect import IN_MS, Detect
from otolith.settings.features import FRONT_ENDS, kind_named
from otolith.settings.fields import about, default_of, settings_of, wanted
from otolith.settings.front_ends.logmel import SIZES, Fe
from otolith.settings.front_ends.presets import PRESETS
from otolith.settings.kinds.base import Facts
from otolith.settings.kinds.registry import KINDS
from otolith.settings.model import Model
from otolith.settings.quantize import Quantize
from otolith.settings.registries import GENERATORS, attribute
from otolith.settings.train import Train
from otolith.train.architectures import ARCHITECTURES
from sitegen.tables import table

HEAD = ("key", "value", "default", "since", "what it does")
# What a spec need not say although the dataclass has no default (otolith.settings.filling).
FILLED = {
    ("model", "name"): "the folder's name",
    ("model", "description"): "made from the classes",
    ("model", "architecture"): "by kind",
    ("detect", "thresholds"): "by kind, for each class that makes events",
}
SECTIONS = {
    "model": Model,
    "data": Data,
    "train": Train,
    "quantize": Quantize,
    "detect": Detect,
    "deploy": Deploy,
}


def _toml(value: object) -> str:
    """A value as a spec has it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool | str):
        return json.dumps(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def _value(hint: Any, told: Any) -> str:
    """Type, names, range and unit of a setting in words."""
    if told.names:
        return " or ".join(f"`{name}`" if name else "empty" for name in told.names)
    words = "a table" if dataclasses.is_dataclass(hint) else wanted(hint)
    if told.range is not None:
        words += f", {told.range}"
    return words + (f" ({told.unit})" if told.unit else "")


def rows(section: str, kind: Any) -> list[list[str]]:
    """A row for each key of a section that a spec may have.

    Args:
        section: Name of the section.
        kind: Its dataclass.
    """
    hints, found = typing.get_type_hints(kind), []
    for name, field in settings_of(kind).items():
        told, default = about(field), default_of(field)
        if not told.in_spec:
            continue
        if default is dataclasses.MISSING:
            shown = FILLED.get((section, name), "**required**")
        elif dataclasses.is_dataclass(default):
            shown = ""
        else:
            shown = f"`{_toml(default)}`"
        found.append([f"`{name}`", _value(hints[name], told), shown, told.since, told.text])
    return found


def _features() -> str:
    parts = [
        "## [features]\n",
        "The front end turns sound into what the network sees. `kind` selects it. `preset` selects "
        "one with the settings of a published model. The other keys depend on the kind.\n",
        table(
            HEAD,
            [
                ["`kind`", _or(FRONT_ENDS), "by `[model] kind`", "0.1", "The front end."],
                ["`preset`", _or(PRESETS), "", "0.1", "Settings of a published model."],
            ],
        ),
    ]
    for kind in FRONT_ENDS:
        parts += [f'### kind = "{kind}"\n', table(HEAD, rows("features", kind_named(kind)))]
    parts += [
        "### fe\n",
        "`[features] fe` takes MLTK's settings under MLTK's names. These are sizes, which the keys "
        f"above set as well: {', '.join(f'`{name}`' for name in SIZES)}. The others:\n",
        table(HEAD, rows("features", Fe)),
        "### Presets\n",
        "\n".join(f"- `{name}`: {_settings(preset)}" for name, preset in PRESETS.items()) + "\n",
    ]
    return "\n".join(parts)


def _settings(preset: Any) -> str:
    said = {**preset, **preset.get("fe", {})}
    lists = ("fe", "minimum", "maximum")
    return ", ".join(f"`{key} = {_toml(v)}`" for key, v in said.items() if key not in lists)


def _or(names: Any) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _augment() -> str:
    parts = [
        "## [augment]\n",
        "Each section below switches an augmentation on. They are applied in this order. A value "
        "of two numbers is a range from which each window draws; one number is always that one. "
        "Without any section, `[model] kind` decides.\n",
        table(HEAD, rows("augment", _augment_settings())),
    ]
    for name in NAMES:
        kind = find(name)
        text = " ".join((sys.modules[kind.__module__].__doc__ or "").split("\n\n")[0].split())
        own = kind.__doc__ or ""
        if own and not own.startswith(f"{kind.__name__}("):  # not made by dataclass
            text += " " + " ".join(own.split())
        lines = []
        for field in dataclasses.fields(kind):
            limits, names = field.metadata.get("limits"), field.metadata.get("names")
            if field.name == "probability":
                value = "a number, 0 to 1"
            elif limits:
                whole = "whole numbers" if field.metadata.get("whole") else "numbers"
                value = f"{whole}, {limits[0]:g} to {limits[1]:g}"
            else:
                value = _or(names) if names else "a list of names"
                value = "a folder" if "folder" in field.metadata else value
            default = _toml(getattr(kind(), field.name))
            lines.append([f"`{field.name}`", value, f"`{default}`"])
        parts += [f"### [augment.{name}]\n", text + "\n", table(HEAD[:3], lines)]
    return "\n".join(parts)


def _augment_settings() -> Any:
    return attribute("otolith.settings.augment:Augment")


def _kinds() -> str:
    parts = [
        "## What a kind decides\n",
        "`[model] kind` supplies what the spec does not say. These are the values for a dataset of "
        "few takes. `host spec show` prints the values in force and where each comes from.\n",
    ]
    for name, target in KINDS.items():
        kind = attribute(target)(Facts())
        lines = [f'architecture = "{kind.architecture}"', "", "[features]"]
        lines += [f"{key} = {_toml(value)}" for key, value in kind.features.items()]
        for section, values in kind.augment.items():
            lines += ["", f"[augment.{section}]"]
            lines += [
                f"{key} = {_toml(tuple(v) if isinstance(v, list) else v)}"
                for key, v in values.items()
            ]
        lines += ["", "[train]", *(f"{key} = {_toml(v)}" for key, v in kind.train.items())]
        lines += ["", "[detect]", f"average_ms = {kind.average_ms}"]
        lines += [f"suppression_ms = {kind.suppression_ms}"]
        lines += [f"# thresholds of {kind.threshold}; a score every {kind.hop_ms} ms or so"]
        text = kind.text[0].upper() + kind.text[1:]
        parts += [f"### {name}\n", text + ":\n", "```toml", *lines, "```\n"]
    return "\n".join(parts)


def page() -> str:
    """The reference page of spec.toml."""
    parts = [
        "# Every key of spec.toml\n",
        "This page is generated from the settings classes in host/otolith/settings. A spec needs "
        "`[model] classes` alone. `host spec show MODEL --explain` prints the values in force.\n",
    ]
    for name, kind in SECTIONS.items():
        if name == "train":
            parts += [_features(), _augment()]
        parts += [f"## [{name}]\n", table(HEAD, rows(name, kind))]
        if name == "model":
            parts.append(f"Architectures: {', '.join(f'`{one}`' for one in ARCHITECTURES)}.\n")
        if name == "data":
            parts.append(f"Generators for `synth`: {_or(GENERATORS.table)}.\n")
        if name == "detect":
            hops = " and ".join(f"`{ms}` for `{hops}`" for ms, hops in IN_MS.items())
            parts.append(f"Milliseconds may stand in place of hops: {hops}.\n")
        if name == "deploy":
            parts.append(
                "A spec that only lists several trained networks has `models`, a list of folders "
                "or .tflite files, and `gate`, the name of the one that gates the others "
                "([wake words](../wake_words.md)).\n"
            )
    parts.append(_kinds())
    return "\n".join(parts)
