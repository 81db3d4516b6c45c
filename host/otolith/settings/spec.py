"""models/<name>/spec.toml: what to train, on what, and how the result listens.

Every section is a dataclass in a file of its own. Unknown keys are errors that suggest the closest
known key. All problems of a spec are reported at once.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otolith.settings.augment import Augment, read_augment
from otolith.settings.data import DATASET, Data
from otolith.settings.deploy import Deploy
from otolith.settings.detect import Detect, read_detect
from otolith.settings.features import FrontEnd, front_end, read_features
from otolith.settings.fields import read
from otolith.settings.filling import Filled, fill, fill_times
from otolith.settings.former import take_former
from otolith.settings.metadata import Metadata
from otolith.settings.model import Model
from otolith.settings.problems import Problems, nearest, shown
from otolith.settings.quantize import Quantize
from otolith.settings.toml import Document, read_document
from otolith.settings.train import MAX_SEED, Train

__all__ = ["MAX_SEED", "Data", "Detect", "Model", "Spec", "Train", "load", "parse"]


@dataclass(frozen=True)
class Spec:
    """A spec, with defaults for what it does not say."""

    model: Model
    """[model]: name, classes and architecture."""
    data: Data
    """[data]: the dataset, or what makes the sounds."""
    features: FrontEnd
    """[features]: the front end."""
    augment: Augment
    """[augment]: what changes the training windows."""
    train: Train
    """[train]: how the network learns."""
    quantize: Quantize
    """[quantize]: how it becomes int8."""
    detect: Detect
    """[detect]: how scores become events."""
    deploy: Deploy
    """[deploy]: the board, and how it listens."""

    def metadata(self) -> Metadata:
        """What travels in the .tflite."""
        return Metadata(
            self.features,
            self.detect,
            dataclasses.replace(self.deploy, accept=Deploy().accept, models=(), gate=""),
            self.model.classes,
            self.model.name,
            self.model.description,
        )


SECTIONS = tuple(field.name for field in dataclasses.fields(Spec))
REQUIRED = ("model",)


def spec_file(path: Path | str) -> Path:
    """The spec of a model's folder, or the file itself."""
    path = Path(path)
    return path / "spec.toml" if path.is_dir() or not path.suffix else path


def read_spec(path: Path | str) -> Document:
    """The tables of a spec with their line numbers, not yet checked.

    Args:
        path: A model's folder, or the file.

    Raises:
        UserError: The file can't be read or is not TOML.
    """
    return read_document(spec_file(path))


def load(path: Path | str) -> Spec:
    """Reads a spec. A dataset beside it goes before one of the same name where you are.

    Args:
        path: A model's folder, or the file.

    Raises:
        UserError: The file can't be read, or something in it is wrong. The message lists every
            problem with file, line and key.
    """
    document = read_spec(path)
    spec = parse(document.tables, document.where, document.lines)
    here = Path(spec.data.path or DATASET)
    beside = Path(document.where).parent / here
    is_new = beside.is_dir() and not spec.data.synth and not here.exists()  # no clips yet
    if not is_new and not (beside / "metadata.csv").exists():
        return spec
    return dataclasses.replace(spec, data=dataclasses.replace(spec.data, path=str(beside)))


def read_filled(path: Path | str) -> tuple[Spec, Filled, Document]:
    """Reads a spec and tells where each setting comes from.

    Args:
        path: A model's folder, or the file.

    Returns:
        The spec, the tables with what was filled in, and the file as written.

    Raises:
        UserError: As `load`.
    """
    document = read_spec(path)
    spec, filled = _parse(document.tables, document.where, document.lines)
    return spec, filled, document


def only_lists(raw: Mapping[str, Any]) -> bool:
    """Whether a spec trains nothing, but lists networks that listen together."""
    deploy = raw.get("deploy")
    return set(raw) == {"deploy"} and isinstance(deploy, dict) and "models" in deploy


def _tables(raw: Mapping[str, Any], problems: Problems) -> dict[str, dict[str, object]]:
    """The sections of a spec; unknown, missing and wrong ones are reported."""
    tables: dict[str, dict[str, object]] = {name: {} for name in SECTIONS}
    known = set(SECTIONS)
    for name, table in raw.items():
        if name not in SECTIONS:
            text = f"no section [{shown(name)}]: {nearest(name, SECTIONS)}"
            problems.add("", name, text)
        elif not isinstance(table, dict):
            problems.add("", name, f"{name} must be a section, [{name}]")
        else:
            tables[name] = take_former(name, table, problems)
    for name in REQUIRED:
        misspelt = any(difflib.get_close_matches(other, [name], 1) for other in set(raw) - known)
        if name not in raw and not misspelt:
            problems.add("", name, f"lacks section [{name}]")
    return tables


def parse(
    raw: Mapping[str, Any], where: str, lines: Mapping[tuple[str, ...], int] | None = None
) -> Spec:
    """A spec from its tables.

    Args:
        raw: The tables; they stay as they are.
        where: The file, which begins messages.
        lines: Line numbers by path of a key, for messages.

    Raises:
        UserError: Something is wrong. The message lists every problem.
    """
    return _parse(raw, where, lines)[0]


def _parse(
    raw: Mapping[str, Any], where: str, lines: Mapping[tuple[str, ...], int] | None
) -> tuple[Spec, Filled]:
    problems = Problems()
    if only_lists(raw):
        told = "lists networks and trains none, so name one of them here"
        problems.add("deploy", "models", told)
        problems.refuse(where, lines)
    filled = fill(_tables(raw, problems), raw, where)
    tables, section = filled.tables, problems.section
    usable = {name: isinstance(raw.get(name, {}), dict) for name in SECTIONS}
    there = {name for name in SECTIONS if usable[name] and (name in raw or name not in REQUIRED)}

    features = read_features(tables["features"], section("features"))
    front = features or front_end()  # stands in, so that the other sections are checked too
    fill_times(filled, front)
    deploy = read(Deploy, tables["deploy"], section("deploy"))
    train = read(Train, tables["train"], section("train"))
    quantize = read(Quantize, tables["quantize"], section("quantize"))
    augment = read_augment(tables["augment"], section("augment"))
    # A section that is missing altogether has one problem, not one a key.
    model = read(Model, tables["model"], section("model")) if "model" in there else None
    data = read(Data, tables["data"], section("data")) if "data" in there else None
    detect = None
    if "detect" in there:
        ms = max(1, front.hop) * max(1, deploy.hop_frames) * 1000 / max(1, front.sample_rate)
        detect = read_detect(tables["detect"], ms, section("detect"))

    classes = model.classes if model else ()
    if model:
        model.check(section("model"))
    if features:
        features.check(section("features"))
        if section("features").clean("frames", "hop"):
            deploy.check(section("deploy"), features)
    if model:
        deploy.check_together(section("deploy"), model.name)
        train.check(section("train"), len(classes))
    if data and model:
        data.check(section("data"), classes)
    if detect:
        known = classes if section("model").clean("classes") else ()
        thresholds = section("detect.thresholds")
        detect.check(section("detect"), thresholds, known, front.tells_activity)
    problems.refuse(where, lines)
    assert model and data and detect and features
    return Spec(model, data, features, augment, train, quantize, detect, deploy), filled
