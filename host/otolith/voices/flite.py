"""Flite: diphone and clustergen voices of Carnegie Mellon University. Debian: flite."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.voices.base import Engine, run


class Flite(Engine):
    """Runs the program flite."""

    name: ClassVar[str] = "flite"
    about: ClassVar[str] = "diphone and statistical voices, two of each"
    licence: ClassVar[str] = "BSD-4-Clause-like (CMU)"

    def problem(self) -> str | None:
        if shutil.which("flite") is None:
            return "flite is missing: sudo apt-get install -y flite"
        return None

    def voices(self) -> tuple[str, ...]:
        return _voices()

    def sound(self, text: str, voice: str, speed: float, pitch: float) -> tuple[np.ndarray, int]:
        import soundfile

        with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
            file = Path(folder) / "speech.wav"
            stretch = ["--setf", f"duration_stretch={1 / speed:.4f}"]
            run(self.name, ["flite", "-voice", voice, *stretch, "-t", text, "-o", str(file)])
            return soundfile.read(file, dtype="float32") if file.exists() else (np.zeros(0), 16000)


@functools.cache
def _voices() -> tuple[str, ...]:
    """Voices of the installed release, without the one that only tells the time."""
    said = run("flite", ["flite", "-lv"]).partition(":")[2].split()
    return tuple(sorted(set(said) - {"awb_time"}))
