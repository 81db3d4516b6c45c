"""Networks named on the command line that listen together.

Either several models are named, or a folder whose spec.toml has only a [deploy] section:

    [deploy]
    models = ["okay_nabu", "hey_jarvis", "vad"]   # folders or .tflite files beside this folder
    gate = "vad"                                  # the others listen only while it hears speech
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from otolith.errors import UserError, short
from otolith.evaluate.models import ModelFile, trained
from otolith.settings.model import is_name
from otolith.settings.problems import Problems
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


def _list(path: Path) -> Models | None:
    """The models that a folder lists; None if it is another folder, or a file."""
    spec = path / "spec.toml"
    if not spec.is_file():
        return None
    try:
        tables = load_toml(read_text(spec))
    except UserError:
        return None  # the reader of specs tells it with its line
    deploy = tables.get("deploy")
    if set(tables) != {"deploy"} or not isinstance(deploy, dict) or "models" not in deploy:
        return None
    section = Problems().section("deploy")
    for key in set(deploy) - {"models", "gate"}:
        section.unknown(key, ("models", "gate"))
    names, gate = deploy["models"], deploy.get("gate")
    files = []
    if not isinstance(names, list) or not names:
        section.wrong("models", names, "must be a list of names")
        names = []
    for name in names:
        bare = name.removesuffix(".tflite") if isinstance(name, str) else ""
        beside = path.resolve().parent / str(name)
        if not is_name(bare) or bare.startswith(".") or beside.resolve() == path.resolve():
            section.add(f"models {short(name)}", "must be a folder or .tflite beside this one")
            continue
        try:
            files.append(trained(beside))
        except UserError as error:
            section.add(f"models {short(name)}", error.message)
    if gate is not None and gate not in names:
        section.wrong("gate", gate, "must be one of models")
    section.problems.refuse(str(spec))
    return Models(tuple(files), gate)
