"""Training: a spec becomes a trained, quantised and judged .tflite.

The stages can be called one after another, from a notebook for instance:

    from otolith.settings.spec import load
    from otolith.train.fit import fit
    from otolith.train.judge import judge
    from otolith.train.prepare import prepare
    from otolith.train.quantise import quantise
    from otolith.train.save import save

    with prepare(load("models/fire_alarm")) as prepared:
        fitted = fit(prepared)
        tflite = quantise(prepared, fitted)
        judged = judge(prepared, fitted, tflite)
        save(prepared, fitted, tflite, judged, Path("models/fire_alarm"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otolith.train.run import How, train

__all__ = ["How", "train"]


def __getattr__(name: str) -> Any:
    """How and train, imported when they are asked for: pages of help need no training."""
    if name in __all__:
        return getattr(importlib.import_module("otolith.train.run"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
