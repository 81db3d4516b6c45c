"""Tables of the things a spec can name: name -> "module:attribute". Networks are looked up when
they are built.

A table stands in the room that holds the things. It, and each thing, is imported when it is first
asked for. So settings can check names without importing higher layers, NumPy or TensorFlow.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otolith.settings.problems import nearest


def attribute(target: str) -> Any:
    """The object that "module:attribute" names; imports its module."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Registry:
    """Things by name. what: what one of them is called. target: "module:attribute" of the table."""

    what: str
    target: str

    @property
    def table(self) -> Mapping[str, Any]:
        """Name -> "module:attribute", or the thing itself."""
        table: Mapping[str, Any] = attribute(self.target)
        return table

    def load(self, name: str) -> Any:
        """The thing of a name that is in the table."""
        found = self.table[name]
        return attribute(found) if isinstance(found, str) else found

    def unknown(self, name: object) -> str:
        """Why a name is refused, with the nearest known one."""
        return f"no such {self.what}: {nearest(str(name), self.table)}"


FRONT_ENDS = Registry("front end", "otolith.settings.features:FRONT_ENDS")
AUGMENTATIONS = Registry("augmentation", "otolith.augment.registry:AUGMENTATIONS")
GENERATORS = Registry("generator", "otolith.synth.registry:GENERATORS")
