"""Fills in what a spec does not say, so that `classes` alone is a spec.

The name comes from the folder. Thresholds are set for every class that is not a background. The
rest comes from the kind of model, if the spec names a kind or no architecture. A spec that names an
architecture and no kind keeps the plain defaults of each section.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from otolith.settings.data import DATASET
from otolith.settings.features import FrontEnd
from otolith.settings.kinds.base import Facts, Kind
from otolith.settings.kinds.registry import DEFAULT, KINDS
from otolith.settings.model import is_name
from otolith.settings.registries import attribute

Tables = dict[str, dict[str, object]]
BACKGROUNDS = ("background", "unknown", "silence", "noise", "other")  # never make an event
THRESHOLD = 0.8  # where neither the spec nor a kind says


@dataclass
class Filled:
    """Tables of a spec with what was filled in.

    origins: (section, key) -> where the value comes from. Keys of the spec itself are not listed.
    kind: Name of the kind that was used; empty if none was.
    """

    tables: Tables
    origins: dict[tuple[str, str], str] = field(default_factory=dict)
    kind: str = ""
    settings: Kind | None = None

    def put(self, section: str, key: str, value: object, origin: str) -> None:
        """Sets a key unless the spec says it."""
        if key not in self.tables[section]:
            self.tables[section][key] = value
            self.origins[section, key] = origin


def events_of(classes: object) -> list[str]:
    """The classes that make events: those not called background, unknown and the like."""
    if not isinstance(classes, Sequence) or isinstance(classes, str):
        return []
    return [c for c in classes if isinstance(c, str) and c not in BACKGROUNDS]


def folder_name(where: str) -> str:
    """Name of the folder of a spec; empty if a model can't be called so."""
    name = Path(where).absolute().parent.name
    return name if is_name(name) else ""


def rarest(dataset: Path, classes: Sequence[str]) -> int | None:
    """Takes of the rarest of some classes in a dataset's metadata.csv; None without one.

    A file that can't be read counts as none: the commands that read it say what is wrong.
    """
    try:
        with (dataset / "metadata.csv").open(encoding="utf-8-sig", newline="") as file:
            counts = Counter(row.get("label") for row in csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return None
    return min((counts[label] for label in classes), default=None)


def fill(tables: Tables, told: Mapping[str, object], where: str) -> Filled:
    """Fills in name, description, thresholds and what the kind of model decides.

    Args:
        tables: The sections of a spec, without unknown ones.
        told: The spec as written: what stands there is never changed.
        where: The spec's file.
    """
    found = Filled({name: dict(table) for name, table in tables.items()})
    model = found.tables["model"]
    classes = model.get("classes")
    heard = events_of(classes)
    name = folder_name(where)
    if name:
        found.put("model", "name", name, "the folder")
    if heard:
        found.put("model", "description", f"Hears {', '.join(heard)}", "classes")
    threshold, origin = THRESHOLD, "default"
    if "architecture" not in model or "kind" in model:
        name = str(model.get("kind") or DEFAULT)
        if name in KINDS:
            folder = Path(where).parent / str(tables["data"].get("path") or DATASET)
            kind: Kind = attribute(KINDS[name])(Facts(rarest(folder, heard)))
            origin = f"kind {name}"
            found.put("model", "kind", name, "default")
            _fill_kind(found, kind, told, origin)
            found.kind, found.settings, threshold = name, kind, kind.threshold
    if heard and "thresholds" not in found.tables["detect"]:
        found.put("detect", "thresholds", dict.fromkeys(heard, threshold), origin)
    return found


def _fill_kind(found: Filled, kind: Kind, told: Mapping[str, object], origin: str) -> None:
    """Fills in the sections. A front end and augmentations are taken whole or not at all."""
    found.put("model", "architecture", kind.architecture, origin)
    for section, table in (("features", kind.features), ("augment", kind.augment)):
        if section not in told:
            for key, value in table.items():
                found.put(section, key, value, origin)
    for key, value in kind.train.items():
        found.put("train", key, value, origin)


def fill_times(found: Filled, front_end: FrontEnd) -> None:
    """Turns the times of the kind into hops of a front end.

    Args:
        found: What `fill` returned.
        front_end: The front end of the spec.
    """
    kind, origin = found.settings, f"kind {found.kind}"
    if kind is None:
        return
    hop_ms = max(front_end.hop_ms, 0.001)
    most = max(1, front_end.frames)
    found.put("deploy", "hop_frames", min(most, max(1, round(kind.hop_ms / hop_ms))), origin)
    frames = found.tables["deploy"]["hop_frames"]
    ms = hop_ms * frames if isinstance(frames, int) and frames > 0 else kind.hop_ms
    detect = found.tables["detect"]
    if "average_ms" not in detect and "smoothing" not in detect:
        smoothing = min(32, max(1, round(kind.average_ms / ms)))
        found.put("detect", "smoothing", smoothing, origin)
        found.put("detect", "minimum_count", smoothing, origin)
    if "suppression_ms" not in detect:
        hops = min(65535, max(0, round(kind.suppression_ms / ms)))
        found.put("detect", "suppression_hops", hops, origin)
