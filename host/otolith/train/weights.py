"""Trained weights that other trainings take over: arrays and a description, no code.

The file is safetensors: a JSON header and raw arrays, whose reader checks every length and runs
nothing. HDF5 (.weights.h5) would need a large C library whose files may point into other files, and
a .keras file may hold Python code. The description says how to build the network anew from a
registered architecture; the arrays are put into that.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from otolith.errors import UserError, short
from otolith.train.libraries import SafetensorError, safe_open, save_file

SUFFIX = ".weights.safetensors"
KEY = "otolith"  # of the description in the header
MOST = 4096  # frames, bands, units: as in specs
MOST_HEADS = 100  # trainings on top of each other


@dataclass(frozen=True)
class Head:
    """What a training on a base put in place of the base's output.

    classes: Outputs it tells apart. layers: Units of the dense layers before the output. norm:
    Batch normalisation after each. dropout: Before the output. output: softmax or sigmoid.
    """

    classes: int
    layers: tuple[int, ...]
    norm: bool
    dropout: float
    output: str


@dataclass(frozen=True)
class Blueprint:
    """How to build a network anew: an architecture by name, its arguments, and heads since.

    The heads replace each other in turn; the last one is the network's own.
    """

    architecture: str
    frames: int
    bands: int
    classes: int
    dropout: float
    heads: tuple[Head, ...] = ()

    def to_json(self) -> str:
        """As in the file."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Blueprint:
        """Reads what to_json() wrote.

        Raises:
            ValueError: It did not.
        """
        try:
            values = json.loads(text)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        _check(values, {"architecture", "frames", "bands", "classes", "dropout", "heads"})
        architecture, heads = values["architecture"], values["heads"]
        if not isinstance(architecture, str) or not 1 <= len(architecture) <= 200:
            raise ValueError("architecture is no name")
        if not isinstance(heads, list) or len(heads) > MOST_HEADS:
            raise ValueError("heads is no list")
        return cls(
            architecture,
            _whole(values["frames"], "frames"),
            _whole(values["bands"], "bands"),
            _whole(values["classes"], "classes"),
            _share(values["dropout"]),
            tuple(_head(head) for head in heads),
        )


def _check(values: object, keys: set[str]) -> None:
    if not isinstance(values, dict) or set(values) != keys:
        raise ValueError(f"needs {', '.join(sorted(keys))}")


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
        raise ValueError(f"{name} must be 1 to {MOST}")
    return value


def _share(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise ValueError("dropout must be 0 to below 1")
    return float(value)


def _head(values: Any) -> Head:
    _check(values, {field.name for field in dataclasses.fields(Head)})
    if values["output"] not in ("softmax", "sigmoid") or not isinstance(values["norm"], bool):
        raise ValueError("a head is described wrongly")
    layers = values["layers"]
    if not isinstance(layers, list) or len(layers) > 8:
        raise ValueError("layers must be up to eight numbers")
    return Head(
        _whole(values["classes"], "classes"),
        tuple(_whole(units, "layers") for units in layers),
        values["norm"],
        _share(values["dropout"]),
        values["output"],
    )


def weights_file(folder: Path, name: str) -> Path:
    """Where training leaves a model's weights, beside the .tflite."""
    return folder / f"{name}{SUFFIX}"


def write_weights(file: Path, network: Any, blueprint: Blueprint, half: bool = False) -> None:
    """Writes a network's weights.

    Args:
        file: Overwritten.
        network: A tf_keras Model.
        blueprint: How to build it anew.
        half: Stores kernels as float16. The file has half the size; other trainings start from it
            as well.
    """
    arrays = {
        f"{number:04}": np.ascontiguousarray(
            array, np.float16 if half and array.ndim > 1 else np.float32
        )
        for number, array in enumerate(network.get_weights())
    }
    save_file(arrays, file, metadata={KEY: blueprint.to_json()})


def read_weights(file: Path) -> tuple[Blueprint, list[np.ndarray]]:
    """Reads a file of weights, which may come from anyone.

    Returns:
        How to build the network, and its weights in the order of Keras' set_weights().

    Raises:
        UserError: It is no such file, or a damaged one.
    """
    try:
        with safe_open(file, framework="numpy") as stored:
            header: Mapping[str, str] = stored.metadata() or {}
            names = sorted(stored.keys())
            if KEY not in header or names != [f"{n:04}" for n in range(len(names))]:
                raise ValueError("not written by host train")
            blueprint = Blueprint.from_json(header[KEY])
            arrays = [stored.get_tensor(name) for name in names]
            arrays = [a.astype(np.float32) if a.dtype == np.float16 else a for a in arrays]
    except (OSError, SafetensorError, ValueError, TypeError, AttributeError) as error:
        line = short((str(error).strip().splitlines() or [type(error).__name__])[0])
        raise UserError(f"{file}: not the weights of a trained network: {line}") from error
    return blueprint, arrays


def same_shapes(network: Any, arrays: list[np.ndarray]) -> bool:
    """Whether arrays have the shapes of a network's weights."""
    return [tuple(v.shape) for v in network.weights] == [array.shape for array in arrays]


def put_weights(network: Any, arrays: list[np.ndarray], file: Path) -> None:
    """Puts weights into a network.

    Raises:
        UserError: They are not those of this network.
    """
    if not same_shapes(network, arrays) or any(array.dtype != np.float32 for array in arrays):
        raise UserError(f"{file}: its weights do not fit its architecture: train it again")
    if not all(np.isfinite(array).all() for array in arrays):
        raise UserError(f"{file}: some of its weights are not numbers: train it again")
    network.set_weights(arrays)
