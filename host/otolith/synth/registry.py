"""The sound generators, by the name a spec calls them. One line each."""

from __future__ import annotations

import difflib
import functools
import importlib

from otolith.errors import UserError
from otolith.synth.base import Generator

GENERATORS = {
    "alarm": "otolith.synth.alarm:Alarm",
    "alarms": "otolith.synth.alarms:Alarms",
    "impact": "otolith.synth.impact:Impact",
    "keyword": "otolith.synth.keyword:Keyword",
    "noises": "otolith.synth.noises:Noises",
}


@functools.cache
def find(name: str) -> type[Generator]:
    """The generator of a name.

    Args:
        name: A key of `GENERATORS`.

    Returns:
        The generator's class.

    Raises:
        UserError: There is no generator of this name.
    """
    if name not in GENERATORS:
        near = difflib.get_close_matches(name, list(GENERATORS), 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(GENERATORS)}"
        raise UserError(f"no generator is called {name!r}: {hint}")
    module, attribute = GENERATORS[name].split(":")
    found: type[Generator] = getattr(importlib.import_module(module), attribute)
    return found
