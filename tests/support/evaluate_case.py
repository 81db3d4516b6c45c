"""Sounds and networks for tests of host evaluate and host compare."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile
from click.testing import CliRunner, Result

from otolith.cli import main
from support.chain_model import METADATA, network
from support.tflite_builder import ModelBuilder


def always(label: int, ends_in_float: bool = False) -> bytes:
    """A network with the metadata of network() that always gives class `label` a score of 0.86."""
    b = ModelBuilder()
    frames = METADATA["features"]["frames"]
    x = b.tensor([1, frames, 129, 1], 0.06, -128)
    axes = b.tensor([2], dtype="int32", data=np.array([1, 2]))
    mean = b.tensor([1, 1], 0.06, -128)
    b.op("MEAN", [x, axes], [mean], keepDims=False)
    weights = b.tensor([2, 1], 0.01, data=np.array([[0], [0]]))
    bias = np.array([1500, -1500]) * (1 if label == 0 else -1)
    biases = b.tensor([2], 0.0006, dtype="int32", data=bias)
    dense = b.tensor([1, 2], 0.1, 0)
    b.op("FULLY_CONNECTED", [mean, weights, biases], [dense])
    y = b.tensor([1, 2], 1 / 256, -128)
    b.op("SOFTMAX", [dense], [y], beta=1.0)
    if ends_in_float:
        real = b.tensor([1, 2], dtype="float32")
        b.op("DEQUANTIZE", [y], [real])
        y = real
    return b.build([x], [y], {"otolith": json.dumps(METADATA).encode()})


def fill(folder: Path) -> Path:
    """Write twelve quiet and twelve loud sounds, networks that tell them apart, and others."""
    rng = np.random.default_rng(1)
    for label, level in (("background", 60), ("loud", 12000)):
        (folder / "sounds" / label).mkdir(parents=True)
        for number in range(12):
            pcm = np.clip(rng.normal(0, level, 8000), -32768, 32767).astype(np.int16)
            soundfile.write(folder / "sounds" / label / f"{number:02}.wav", pcm, 16000)
    (folder / "good.tflite").write_bytes(network(2))
    (folder / "one.tflite").write_bytes(network(1))
    (folder / "deaf.tflite").write_bytes(always(1))
    (folder / "alone").mkdir()
    (folder / "alone" / "any.tflite").write_bytes(always(0))
    return folder


def host(*arguments) -> Result:
    """Run a command and return its result; fail if it raised an unexpected exception."""
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result
