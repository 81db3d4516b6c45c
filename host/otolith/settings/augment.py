"""[augment]: what happens to training windows.

[augment.background]
probability = 0.7
snr_db = [0, 20]    # drawn from this range; one number is always that one
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otolith.settings.fields import read, setting, settings_of
from otolith.settings.problems import Section
from otolith.settings.registries import AUGMENTATIONS, attribute


@dataclass(frozen=True)
class Augment:
    """[augment] of a spec."""

    windows_a_clip: int = setting(
        "Windows cut at random places from each training clip.", 1, low=1, high=1000
    )
    sections: tuple[Any, ...] = ()
    """One augmentation each. Their classes are in otolith.augment, a layer above, so this has no
    closer type."""


def read_augment(table: Mapping[str, object], section: Section) -> Augment:
    """The [augment] section; what is wrong goes to `section`.

    Args:
        table: The section as written.
        section: Takes the problems.
    """
    keys = settings_of(Augment)
    known = AUGMENTATIONS.table
    told: dict[str, object] = {}
    tables: dict[str, object] = {}
    for key, value in table.items():
        if key in keys:
            told[key] = value
        elif key in known:
            tables[key] = value
        else:
            section.unknown(key, [*known, *keys])
    settings = read(Augment, told, section)
    read_one = attribute("otolith.augment.settings:read_one")
    sections = tuple(
        read_one(name, tables[name], section.problems) for name in known if name in tables
    )
    found = tuple(one for one in sections if one is not None)
    return Augment(settings.windows_a_clip, found)
