"""SVOX Pico, the former voice of Android phones. PyPI: py-nanotts."""

from __future__ import annotations

import importlib.util
from typing import ClassVar

import numpy as np

from otolith.voices.base import Engine

RATE = 16000  # Hz, of its output


class Pico(Engine):
    """Calls the package py_nanotts. Its other languages read English as their own."""

    name: ClassVar[str] = "pico"
    about: ClassVar[str] = "SVOX Pico, a British and an American woman"
    licence: ClassVar[str] = "Apache-2.0"
    pitches: ClassVar[bool] = True

    def problem(self) -> str | None:
        if importlib.util.find_spec("py_nanotts") is None:
            return "SVOX Pico is missing: pip install 'otolith[voices]', or host setup --voices"
        return None

    def voices(self) -> tuple[str, ...]:
        return ("en-GB", "en-US")

    def sound(self, text: str, voice: str, speed: float, pitch: float) -> tuple[np.ndarray, int]:
        from py_nanotts import NanoTTS

        said = NanoTTS().speak(text, voice=voice, speed=speed, pitch=pitch)
        return np.frombuffer(said, "<i2").astype(np.float32) / 32768, RATE
