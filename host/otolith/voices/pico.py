"""SVOX Pico, the former voice of Android phones. PyPI: py-nanotts."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.errors import UserError
from otolith.voices.base import Engine, run

RATE = 16000  # Hz, of its output
TRIES = 3
# Arguments: file, text, voice, speed, pitch.
SPEAK = """
import sys
from py_nanotts import NanoTTS
file, text, voice, speed, pitch = sys.argv[1:]
said = NanoTTS().speak(text, voice=voice, speed=float(speed), pitch=float(pitch))
open(file, "wb").write(said)
"""


class Pico(Engine):
    """Calls the package py_nanotts in another process. Its other languages misread English."""

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
        # In a process of its own, because the C behind it crashes now and then.
        with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
            file = Path(folder) / "speech.raw"
            settings = [text, voice, f"{speed:.4f}", f"{pitch:.4f}"]
            for turn in range(TRIES):
                try:
                    run(self.name, [sys.executable, "-c", SPEAK, str(file), *settings])
                    break
                except UserError:
                    if turn == TRIES - 1:
                        raise
            said = np.fromfile(file, "<i2")
        return said.astype(np.float32) / 32768, RATE
