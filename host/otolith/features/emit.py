"""Writes a front end's settings as C source, which `host compile` links into the firmware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from otolith.features import Quantizer, tables_of
from otolith.features.tables import Struct, headers, in_c
from otolith.settings.features import FrontEnd


@dataclass(frozen=True)
class Source:
    """C source of a front end.

    Attributes:
        includes: #include lines for the top of the file.
        source: Definition of `static const features_config_t features` and its tables.
        room: Bytes of RAM of the tables that the front end writes to.
    """

    includes: str
    source: str
    room: int = 0


def config_source(front_end: FrontEnd, q: Quantizer) -> Source:
    """Writes a front end as C source.

    Args:
        front_end: The front end.
        q: Quantizer from its features to the network's input.

    Raises:
        UserError: lib/features does not support these settings.
    """
    tables = tables_of(front_end)
    members: dict[str, Any] = {
        key: getattr(front_end, key) for key in ("sample_rate", "window", "hop", "frames", "bands")
    }
    if front_end.compress == "minmax":
        minimum, maximum = front_end.limits
        members["minimum"] = np.array(minimum, "int16")
        members["maximum"] = np.array(maximum, "int16")
    if front_end.compress == "dynamic":
        members["range"] = front_end.range_steps
    if tables is not None:
        members["tables"] = tables
    text = in_c(Struct("features_config_t", members), "features")
    first = (
        f"    .frontend = &features_{front_end.kind},\n"
        f"    .compress = FEATURES_{front_end.compress.upper()},\n"
        f"    .quantizer = {{{q.multiplier}, {q.shift}, {q.zero_point}}},\n"
    )
    opening = "static const features_config_t features = {\n"
    names = ["stddef.h", "features_registry.h", *(headers(tables) if tables is not None else [])]
    includes = "".join(
        f"#include <{name}>\n" if name == "stddef.h" else f'#include "{name}"\n' for name in names
    )
    room = sum(tables.members[name].nbytes for name in tables.room) if tables is not None else 0
    return Source(includes, text.replace(opening, opening + first), room)
