"""A network named on the command line: a .tflite or a model's folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from otolith.errors import UserError
from otolith.evaluate.network import Network
from otolith.features import window as features
from otolith.settings.detect import ONE, q15
from otolith.settings.spec import load


@dataclass(frozen=True)
class ModelFile:
    """A .tflite, and the spec beside it or None."""

    tflite: Path
    spec: Path | None

    @cached_property
    def data(self) -> bytes:
        """The file's bytes."""
        try:
            return self.tflite.read_bytes()
        except OSError as error:
            raise UserError(
                f"{self.tflite}: {error.strerror}: train it, or name another"
            ) from error


def find(path: Path) -> ModelFile:
    """Finds the network a path means.

    Args:
        path: A .tflite, or a folder with a spec.toml or with exactly one .tflite.

    Raises:
        UserError: There is no such file, or more than one.
    """
    if not path.is_dir():
        if not path.exists():
            raise UserError(f"{path}: no such file: give a .tflite, or a model's folder")
        spec = path.parent / "spec.toml"
        return ModelFile(path, spec if spec.exists() else None)
    spec = path / "spec.toml"
    if spec.exists():
        return ModelFile(path / f"{load(spec).model.name}.tflite", spec)
    found = sorted(path.glob("*.tflite"))
    if len(found) != 1:
        raise UserError(f"{path}: {len(found)} .tflite files and no spec.toml: name one of them")
    return ModelFile(found[0], None)


def trained(path: Path) -> ModelFile:
    """As find(), but the .tflite must exist.

    Raises:
        UserError: It does not; the message says how to train it.
    """
    if path.suffix != ".tflite" and not path.is_dir() and path.with_suffix(".tflite").exists():
        path = path.with_suffix(".tflite")
    file = find(path)
    if not file.tflite.exists():
        raise UserError(f"{file.tflite}: not trained yet: run `host train {path}`")
    return file


class Ear:
    """A network with its front end: windows of PCM in, scores out, with the chip's integers.

    Args:
        model: The file.
        data: Its bytes, where the file can't be read, such as on a computer of a cluster.

    Raises:
        UserError: The file is no network of this project, or a damaged one.
    """

    def __init__(self, model: ModelFile, data: bytes | None = None) -> None:
        self.data = model.data if data is None else data
        try:
            self._network = Network(self.data)
        except UserError as error:
            raise UserError(f"{model.tflite}: {error.message}") from error
        self.name = str(model.tflite)
        self.metadata = self._network.metadata
        self.front_end = self.metadata.features
        self.schedule = self._network.compiled.schedule
        self.network = self.schedule.network
        self.labels: list[str] = list(self.network.labels)
        self._multiplier = min(round(self._network.scale * 32768 * 65536), 2**31 // 256)

    @property
    def samples(self) -> int:
        """Samples of one window."""
        return self.front_end.samples

    @property
    def thresholds(self) -> np.ndarray:
        """(K,) 0 to 1, rounded as on the chip; 0 for classes that never make an event."""
        given = self.metadata.detect.thresholds
        return np.array([q15(given.get(n, 0)) for n in self.labels]) / ONE

    def scores(self, pcm: np.ndarray) -> np.ndarray:
        """Scores one window.

        Args:
            pcm: int16 (samples,), 16 kHz.

        Returns:
            (K,) 0 to 1: the chip's Q15 scores over 32767.
        """
        network = self._network
        q = network.outputs(features(pcm, self.front_end))
        if q.dtype != np.int8:  # the file ends in DEQUANTIZE; the chip reads what is before it
            q = np.round(q / np.float32(network.scale)) + network.zero_point
        chip = ((q.astype(np.int64) - network.zero_point) * self._multiplier) >> 16
        chip = np.clip(chip, 0, ONE)
        if len(chip) == 1 and len(self.labels) == 2:
            chip = np.array([ONE - chip[0], chip[0]])
        return chip / ONE
