"""Kokoro-82M: a neural voice for 54 speakers and blends of two of them.

`host setup --voices` puts three things into .otolith/kokoro: the int8 model (model.onnx), the
numbers of its phonemes (vocab.json), and the speakers (voices/*.bin, float32 of shape (510, 256):
a style for each number of phonemes). espeak-ng gives the phonemes.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import shutil
from typing import Any, ClassVar

import numpy as np

from otolith import paths
from otolith.errors import UserError, shown
from otolith.voices.base import Engine
from otolith.voices.espeak_ng import ipa

FOLDER = paths.TOOLS / "kokoro"
RATE = 24000  # Hz, of its output
STYLE = 256  # floats
SHARES = (0.65, 0.5, 0.35)  # of the first speaker in a blend
# espeak-ng's phonemes that Kokoro writes with a letter of its own.
LETTERS = {
    **{"eɪ": "A", "aɪ": "I", "oʊ": "O", "əʊ": "Q", "aʊ": "W", "ɔɪ": "Y"},  # noqa: RUF001
    **{"tʃ": "ʧ", "dʒ": "ʤ", "ɚ": "əɹ", "r": "ɹ", "g": "ɡ"},  # noqa: RUF001
}


class Kokoro(Engine):
    """Runs the ONNX model. Names of voices begin with their language: a and b are English.

    Speakers are paired, first with second, third with fourth, and only a pair is blended.
    Voice "af_alloy" is one speaker, "af_alloy*0.65+af_aoede" a blend. All voices of a pair count
    as one speaker, so that a set holds no blend of another set's voice.
    """

    name: ClassVar[str] = "kokoro"
    about: ClassVar[str] = "neural, 54 speakers and blends of pairs; about 1 s of CPU a word"
    licence: ClassVar[str] = "Apache-2.0"

    def problem(self) -> str | None:
        if importlib.util.find_spec("onnxruntime") is None or not _speakers():
            return "Kokoro is missing: host setup --voices"
        if shutil.which("espeak-ng") is None:
            return "Kokoro needs espeak-ng: sudo apt-get install -y espeak-ng"
        return None

    def voices(self) -> tuple[str, ...]:
        return _voices()

    def speaker(self, voice: str) -> str:
        names = _speakers()
        at = names.index(voice.split("*")[0]) // 2 * 2
        return f"{self.name}-{'+'.join(names[at : at + 2])}"

    def sound(self, text: str, voice: str, speed: float, pitch: float) -> tuple[np.ndarray, int]:
        first, _, rest = voice.partition("*")
        tokens = _tokens(text, british=first.startswith("b"))
        style = _style(first, len(tokens))
        if rest:
            share, _, second = rest.partition("+")
            style = float(share) * style + (1 - float(share)) * _style(second, len(tokens))
        feed = {
            "tokens": np.array([[0, *tokens, 0]]),
            "style": style[None].astype(np.float32),
            "speed": np.array([speed], np.float32),
        }
        try:
            return _session().run(None, feed)[0].ravel(), RATE
        except Exception as error:  # onnxruntime raises its own kinds
            raise UserError(f"kokoro {voice} fails: {shown(str(error))}") from error


@functools.cache
def _speakers() -> tuple[str, ...]:
    """Names of the speakers that are installed."""
    if not (FOLDER / "model.onnx").exists() or not (FOLDER / "vocab.json").exists():
        return ()
    return tuple(sorted(file.stem for file in (FOLDER / "voices").glob("*.bin")))


@functools.cache
def _voices() -> tuple[str, ...]:
    names = _speakers()
    pairs = zip(names[::2], names[1::2], strict=False)
    blends = [f"{a}*{share}+{b}" for a, b in pairs for share in SHARES]
    return (*names, *blends)


@functools.cache
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # words are spread over processes instead
    try:
        return onnxruntime.InferenceSession(
            FOLDER / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises its own kinds
        raise UserError(f"{FOLDER}: Kokoro's model is broken: host setup --voices") from error


@functools.cache
def _numbers() -> dict[str, int]:
    vocabulary: dict[str, int] = json.loads((FOLDER / "vocab.json").read_text("utf-8"))["vocab"]
    return vocabulary


def _tokens(text: str, british: bool) -> list[int]:
    """Numbers of a text's phonemes, with a full stop."""
    said = ipa(text, british)
    for phoneme, letter in LETTERS.items():
        said = said.replace(phoneme, letter)
    numbers = _numbers()
    tokens = [numbers[c] for c in f"{said}." if c in numbers]
    if len(tokens) > 500:
        raise UserError(f"kokoro: {len(tokens)} phonemes are too many")
    return tokens


@functools.cache
def _styles(speaker: str) -> np.ndarray:
    return np.fromfile(FOLDER / "voices" / f"{speaker}.bin", np.float32).reshape(-1, STYLE)


def _style(speaker: str, count: int) -> np.ndarray:
    style: np.ndarray = _styles(speaker)[count]
    return style
