"""A front end's settings as C source: what `host compile` links into the firmware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from otolith.features import Quantizer, logmel
from otolith.features.settings import module
from otolith.features.tables import Struct, headers, in_c


@dataclass(frozen=True)
class Source:
    """`includes` go to the top of the file; `source` defines `static const features_config_t
    features`."""

    includes: str
    source: str


def config_source(settings: dict, q: Quantizer) -> Source:
    """C for `settings`, which were checked (otolith.features.settings.checked)."""
    tables = module(settings["kind"]).tables(settings)
    members: dict[str, Any] = {
        key: settings[key] for key in ("sample_rate", "window", "hop", "frames", "bands")
    }
    if settings["compress"] == "minmax":
        members["minimum"] = np.array(settings["minimum"], "int16")
        members["maximum"] = np.array(settings["maximum"], "int16")
    if settings["compress"] == "dynamic":
        members["range"] = logmel.dynamic_range(settings)
    if tables is not None:
        members["tables"] = tables
    text = in_c(Struct("features_config_t", members), "features")
    first = (
        f"    .frontend = &features_{settings['kind']},\n"
        f"    .compress = FEATURES_{settings['compress'].upper()},\n"
        f"    .quantizer = {{{q.multiplier}, {q.shift}, {q.zero_point}}},\n"
    )
    opening = "static const features_config_t features = {\n"
    names = ["stddef.h", "features_registry.h", *(headers(tables) if tables is not None else [])]
    includes = "".join(
        f"#include <{name}>\n" if name == "stddef.h" else f'#include "{name}"\n' for name in names
    )
    return Source(includes, text.replace(opening, opening + first))
