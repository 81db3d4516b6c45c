"""[model]: what the network is called and what it tells apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from otolith.settings.fields import setting
from otolith.settings.kinds.registry import KINDS
from otolith.settings.problems import Section

MOST_CLASSES = 32  # DETECT_MAX_LABELS of lib/detect
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")


def is_name(text: str) -> bool:
    """Whether a text can be a model's name: files and C identifiers are made of it."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True)
class Model:
    """[model] of a spec."""

    name: str = setting("Name of the model and of its files: letters, digits, `.`, `_`, `-`.")
    description: str = setting("What the model is for, in a sentence.")
    classes: tuple[str, ...] = setting("Names of the sounds it tells apart, in the outputs' order.")
    architecture: str = setting("A network by name, or `module:function` beside the spec.")
    kind: str = setting(
        "Kind of model, which decides what the spec does not say; empty: none does.",
        "",
        names=("", *KINDS),
        since="0.2",
    )

    def check(self, section: Section) -> None:
        """Checks what a type cannot say."""
        need, classes = section.need, self.classes
        need(is_name(self.name), "name", "letters, digits, . _ - only, up to 40")
        need(2 <= len(classes) <= MOST_CLASSES, "classes", f"must be 2 to {MOST_CLASSES} names")
        need(len(set(classes)) == len(classes), "classes", "a name appears twice")
        good = all(c.isprintable() and c == c.strip() and 1 <= len(c) <= 40 for c in classes)
        need(good, "classes", "names must be printable, 1 to 40 characters")
