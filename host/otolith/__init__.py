"""Otolith: teach a microcontroller to recognise sounds.

from otolith import Chain, Model
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otolith.version import VERSION as __version__

if TYPE_CHECKING:
    from otolith.api import Chain, Event, Model, load, train

__all__ = ["Chain", "Event", "Model", "__version__", "load", "train"]
_OF_API = ("Chain", "Event", "Model", "load", "train")


def __getattr__(name: str) -> Any:
    """Imports the Python interface when it is first used, so that commands start fast."""
    if name not in _OF_API:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module("otolith.api"), name)
