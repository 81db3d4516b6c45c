"""Front end `spectrogram`: its settings. Its tables are in lib/features, as there is one size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host.spec import Features

SCALE = {"linear": 1 / 32768, "log2": 1 / 1024}  # real value of one step, by compress
KEYS: tuple[str, ...] = ()  # of [features], besides those all kinds have
DEFAULTS: dict = {}


def check(features: Features, need: Callable[[bool, str, str], None]) -> None:
    sizes = (features.window, features.hop)
    need(
        sizes in ((256, 128), (256, 256), (256, 64)),
        "[features] window, hop",
        "window 256 with hop 64, 128 or 256",
    )
    need(features.bands == 129, "[features] bands", "a window of 256 gives 129")
    need(8 <= features.frames <= 500, "[features] frames", "must be 8 to 500")


def tables(settings: dict) -> None:
    return None
