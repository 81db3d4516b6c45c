"""Saves a training after each epoch: Ctrl-C, a crash or a power cut costs at most one epoch."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from otolith.errors import UserError
from otolith.files import replacing
from otolith.settings.spec import Spec


@dataclass
class State:
    """How far a training is.

    stage: 0, or 1 for fine-tuning after a new head. epoch: How many epochs of the stage are done.
    best_epoch, best_accuracy, loss, above, stopped: As in Watch. history: Of all stages so far.
    weights, best: Of the network now and at its best epoch. optimizer: Its variables. more:
    Training went on from the weights of a finished one.
    """

    stage: int
    epoch: int
    best_epoch: int
    best_accuracy: float
    loss: float
    above: int
    stopped: str
    history: dict[str, list[float]]
    weights: list[np.ndarray] = field(default_factory=list)
    best: list[np.ndarray] = field(default_factory=list)
    optimizer: list[np.ndarray] = field(default_factory=list)
    more: bool = False


def identity(spec: Spec) -> str:
    """A digest of the settings that must not change between stopping and --resume."""
    parts = dataclasses.asdict(spec)
    for key in ("epochs", "updates", "head_epochs"):
        del parts["train"][key]
    for key in ("detect", "deploy", "quantize"):
        del parts[key]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


class Checkpoint:
    """The file that one model's training is saved in.

    Args:
        file: None saves nothing.
        spec: The model's settings.
    """

    ARRAYS = ("weights", "best", "optimizer")

    def __init__(self, file: Path | None, spec: Spec) -> None:
        self.file, self._identity = file, identity(spec)

    def save(self, state: State) -> None:
        """Replaces the file, whole or not at all."""
        if self.file is None:
            return
        about = {f.name: getattr(state, f.name) for f in dataclasses.fields(state)}
        arrays = {
            f"{name}{number:04}": array
            for name in self.ARRAYS
            for number, array in enumerate(about.pop(name))
        }
        text = json.dumps({**about, "identity": self._identity})
        with replacing(self.file) as temporary, temporary.open("wb") as out:
            np.savez(out, about=np.frombuffer(text.encode(), np.uint8), **arrays)

    @property
    def exists(self) -> bool:
        """Whether a training was stopped before its end."""
        return self.file is not None and self.file.exists()

    def load(self) -> State:
        """Reads the file.

        Raises:
            UserError: There is none, it is damaged, or it belongs to other settings.
        """
        again = "start again without --resume"
        if self.file is None or not self.file.exists():
            raise UserError(f"{self.file}: there is no training to resume: {again}")
        try:
            with np.load(self.file) as stored:
                about = json.loads(stored["about"].tobytes())
                found: dict[str, Any] = {
                    name: [stored[key] for key in sorted(stored.files) if key[:-4] == name]
                    for name in self.ARRAYS
                }
            theirs = about.pop("identity")
            state = State(**about, **found)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise UserError(f"{self.file}: not a checkpoint: {again}") from error
        if theirs != self._identity:
            raise UserError(f"{self.file}: the spec has changed since: {again}")
        return state

    def remove(self) -> None:
        """Deletes the file: training is done."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)
