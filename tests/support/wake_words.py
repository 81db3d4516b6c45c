"""microWakeWord's reference, PyPI's pymicro-wakeword, over TensorFlow Lite Micro's interpreter.

The wheel's own interpreter is TensorFlow Lite with XNNPACK, whose outputs differ from those of TFLM
by some units now and then. ESPHome runs these networks with TFLM. So the reference keeps its front
end, quantisation, steps, mean and cutoff, and TFLM's wheel runs the network.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pymicro_wakeword
import tflite_micro
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

from otolith.audio import read_pcm
from otolith.compile.adopt import adopt_manifest
from support.skips import recordings, stateful_model


def manifest(name: str) -> Path:
    """The manifest of a network in the wheel (alexa, hey_jarvis, hey_mycroft, okay_nabu), or of
    mww_vad, mww_choo_choo_homie and mww_v1_okay_nabu beside the test models."""
    packed = Path(pymicro_wakeword.__file__).parent / "models" / f"{name}.json"
    return packed if packed.exists() else stateful_model(name).with_suffix(".json")


@cache
def adopted(name: str) -> bytes:
    """The network with metadata, as `host adopt` writes it."""
    return adopt_manifest(manifest(name))[0]


def spoken(word: str, count: int) -> list[np.ndarray]:
    """`count` recordings of "alexa" or "jarvis", each followed by half a second of zeros."""
    files = sorted(recordings("wake_words", word).glob("*.flac"))[:count]
    return [np.pad(read_pcm(file), (0, 8000)) for file in files]


class _Tflm:
    """The functions of TensorFlow Lite's C library that the reference calls for each step."""

    def __init__(self, model: bytes) -> None:
        self.interpreter = tflite_micro.runtime.Interpreter.from_bytes(model)

    def TfLiteTensorCopyFromBuffer(self, tensor, pointer, size):
        shape = self.interpreter.get_input_details(0)["shape"]
        values = np.frombuffer(ctypes.string_at(pointer, size), np.int8)
        self.interpreter.set_input(values.reshape(shape), 0)

    def TfLiteInterpreterInvoke(self, interpreter):
        self.interpreter.invoke()

    def TfLiteTensorByteSize(self, tensor):
        return self.interpreter.get_output(0).nbytes

    def TfLiteTensorCopyToBuffer(self, tensor, pointer, size):
        ctypes.memmove(pointer, self.interpreter.get_output(0).tobytes(), size)


@dataclass(frozen=True)
class Step:
    """What the reference says of one step: the network's output 0..255, and whether the mean of the
    last outputs is above the cutoff."""

    output: int
    heard: bool


def reference(name: str, pcm: np.ndarray) -> list[Step]:
    """The reference's steps on a recording, from its start."""
    word = MicroWakeWord.from_config(manifest(name))
    own, word.lib = word.lib, _Tflm(Path(word.tflite_model).read_bytes())
    steps = []
    for features in MicroWakeWordFeatures().process_streaming(pcm.tobytes()):
        heard = word.process_streaming(features)
        if not word._features:  # the features of a step were complete
            steps.append(Step(round(word._probabilities[-1] * 256), bool(heard)))
    word.lib = own  # which frees the model
    return steps
