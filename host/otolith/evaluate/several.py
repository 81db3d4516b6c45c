"""Networks named on the command line that listen together.

Either several models are named, or a folder whose spec.toml lists them:

    [deploy]
    models = ["okay_nabu", "hey_jarvis", "vad"]   # folders or .tflite files beside this folder
    gate = "vad"                                  # the others listen only while it hears speech

A spec with only this section trains nothing. In a spec that is also trained, the listed networks
listen together with its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError, short
from otolith.evaluate.models import ModelFile, trained
from otolith.settings.deploy import check_names
from otolith.settings.problems import Problems, Section
from otolith.settings.spec import Spec, load, only_lists
from otolith.untrusted import load_toml, read_text


@dataclass(frozen=True)
class Models:
    """One network, or several that share a front end.

    Attributes:
        files: The networks.
        gate: Name of the one that gates the others, or None.
    """

    files: tuple[ModelFile, ...]
    gate: str | None = None

    @property
    def named(self) -> list[tuple[bytes, str]]:
        """Bytes and name of each, as compile_several() takes them."""
        return [(file.data, file.tflite.stem) for file in self.files]


def models_of(paths: Sequence[Path], gate: str | None = None) -> Models:
    """Finds the networks that paths mean.

    Args:
        paths: .tflite files, models' folders, or one folder that lists models.
        gate: Name of the network that gates the others; None: as the folder says.

    Raises:
        UserError: A file does not exist, or the list is wrong. All problems are told together.
    """
    if len(paths) == 1 and (found := _list(paths[0])) is not None:
        return Models(found.files, gate or found.gate)
    if gate is not None and len(paths) == 1:
        raise UserError("a gate is for several networks: name the others too")
    return Models(tuple(trained(path) for path in paths), gate)


def listens_with(spec: Spec, folder: Path, own: ModelFile) -> Models:
    """The spec's own network and those that [deploy] models names beside it.

    The own network is first unless models names it too.

    Args:
        spec: The spec.
        folder: Its folder.
        own: The file of its network; trained, or named instead.

    Raises:
        UserError: A network does not exist. All problems are told together.
    """
    section = Problems().section("deploy")
    names = list(spec.deploy.models)
    if spec.model.name not in names:
        names.insert(0, spec.model.name)
    files = []
    for name in names:
        if name == spec.model.name:
            files.append(own)
        elif (file := _beside(folder, name, section)) is not None:
            files.append(file)
    section.problems.refuse(str(folder / "spec.toml"))
    return Models(tuple(files), spec.deploy.gate or None)


def _list(path: Path) -> Models | None:
    """The models that a folder lists; None if it is another folder, or a file."""
    spec = path / "spec.toml"
    if not spec.is_file():
        return None
    try:
        tables = load_toml(read_text(spec))
    except UserError:
        return None  # the reader of specs tells it with its line
    if not only_lists(tables):
        deploy = tables.get("deploy")
        if not isinstance(deploy, dict) or not deploy.get("models"):
            return None
        return listens_with(load(spec), path, trained(path))
    deploy = tables["deploy"]
    section = Problems().section("deploy")
    for key in set(deploy) - {"models", "gate"}:
        section.unknown(key, ("models", "gate"))
    names, gate = deploy["models"], deploy.get("gate")
    if not isinstance(names, list) or not names:
        section.wrong("models", names, "must be a list of names")
        names = []
    found = [_beside(path, name, section) for name in check_names(names, section)]
    files = [file for file in found if file is not None]
    if gate is not None and gate not in names:
        section.wrong("gate", gate, "must be one of models")
    section.problems.refuse(str(spec))
    return Models(tuple(files), gate)


def _beside(folder: Path, name: str, section: Section) -> ModelFile | None:
    """A network beside a folder. None: there is none, which goes to `section`."""
    beside = folder.resolve().parent / name
    if beside.resolve() == folder.resolve():
        section.add(f"models {short(name)}", "must be a folder or .tflite beside this one")
        return None
    try:
        return trained(beside)
    except UserError as error:
        section.add(f"models {short(name)}", error.message)
        return None
