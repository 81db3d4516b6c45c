"""The projects that Studio shows: folders with a spec.toml in one folder, and the ready models."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from otolith import paths
from otolith.data.metadata import NAME, Metadata
from otolith.data.metadata import load as load_rows
from otolith.errors import UserError, short, shown
from otolith.settings.data import DATASET
from otolith.settings.model import is_name
from otolith.settings.spec import Spec, load

READY = "ready."  # prefix of a ready model's name in addresses
STATE = ".studio"  # folder in a project for what Studio keeps: jobs, uploads, removed clips


@dataclass(frozen=True)
class Project:
    """A project. name: as in addresses. is_ready: one of the ready models, which stay unchanged."""

    name: str
    folder: Path
    is_ready: bool = False

    def spec(self) -> Spec:
        """Its spec as it is now. Raises UserError."""
        return load(self.folder)

    @property
    def dataset(self) -> Path:
        """Folder of its clips. They are below the project's folder, or Studio leaves them alone."""
        return self.folder / DATASET

    @property
    def state(self) -> Path:
        """Folder of what Studio keeps."""
        return self.folder / STATE

    @property
    def tflite(self) -> Path:
        """Its trained network, which may not exist yet."""
        return self.folder / f"{self.spec().model.name}.tflite"

    def rows(self) -> Metadata:
        """The rows of its clips, for reading; none before the first. Raises UserError."""
        try:
            about = (self.dataset / NAME).stat()
        except OSError:
            return Metadata()
        return _rows(self.dataset, about.st_mtime_ns, about.st_size, about.st_ino)


@lru_cache(maxsize=4)
def _rows(dataset: Path, *state: int) -> Metadata:
    """Pages ask for the same rows again and again; thousands take a while to read."""
    return load_rows(dataset)


class Projects:
    """The projects below a folder.

    Args:
        home: The folder.

    Raises:
        UserError: There is no such folder.
    """

    def __init__(self, home: Path) -> None:
        if not home.is_dir():
            raise UserError(f"{shown(home)}: no such folder: make it, or name another")
        self.home = home.resolve()
        self._opened: dict[str, Path] = {}

    def names(self) -> list[str]:
        """Names of the projects, sorted: those of the folder, and those opened elsewhere."""
        found = {f.parent.name for f in self.home.glob("*/spec.toml") if _fits(f, self.home)}
        return sorted(found | {n for n, f in self._opened.items() if (f / "spec.toml").is_file()})

    def open(self, text: str) -> str:
        """Open a project anywhere on this computer, until the server ends.

        Args:
            text: Its folder, as the user wrote it: absolute, with ~, or below the home folder.

        Returns:
            Its name in addresses.

        Raises:
            UserError: It is no project's folder.
        """
        if "\0" in text or not text.strip():
            raise UserError("write the folder of a project, such as ~/sounds/doorbell")
        try:
            folder = (self.home / Path(text.strip()).expanduser()).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError(f"{short(shown(text))}: no such folder") from error
        folder = folder.parent if folder.name == "spec.toml" else folder
        if not (folder / "spec.toml").is_file():
            raise UserError(
                f"{shown(folder)}: no spec.toml in it: create a project, then import its sounds"
            )
        if folder.parent == self.home and _fits(folder / "spec.toml", self.home):
            return folder.name
        name = next((n for n, known in self._opened.items() if known == folder), "")
        if name:
            return name
        base = re.sub(r"[^A-Za-z0-9_-]+", "_", folder.name).strip("_")[:30] or "project"
        taken, name, number = set(self.names()), base, 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        self._opened[name] = folder
        return name

    def ready(self) -> list[str]:
        """Names of the ready models."""
        return sorted(READY + file.parent.name for file in paths.MODELS.glob("*/spec.toml"))

    def find(self, name: str) -> Project:
        """The project of a name in an address.

        Raises:
            UserError: There is none.
        """
        if name in self._opened and (self._opened[name] / "spec.toml").is_file():
            return Project(name, self._opened[name])
        bare = name.removeprefix(READY) if name.startswith(READY) else name
        home = self.home if bare == name else paths.MODELS
        folder = home / bare
        if not _fits(folder / "spec.toml", home):
            raise UserError(f"{short(shown(name))}: no such project: choose one on the Start page")
        return Project(name, folder, bare != name)

    def own(self, name: str) -> Project:
        """As find(), for requests that change something.

        Raises:
            UserError: There is none, or it is a ready model.
        """
        project = self.find(name)
        if project.is_ready:
            raise UserError(f"{name} is a ready model: start a project of your own from it")
        return project


def _fits(file: Path, home: Path) -> bool:
    """Whether a spec is that of a folder right below another, without links that lead out."""
    folder = file.parent
    usable = is_name(folder.name) and not folder.name.startswith(".")
    return usable and file.is_file() and folder.resolve().parent == home.resolve()
