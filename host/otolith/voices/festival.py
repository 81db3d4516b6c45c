"""Festival: diphone and HTS voices. Debian: festival, festvox-kallpc16k, -kdlpc16k, -us-slt-hts."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.errors import UserError
from otolith.voices.base import Engine, run

PACKAGES = ("festival", "festvox-kallpc16k", "festvox-kdlpc16k", "festvox-us-slt-hts")
VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")  # English ones of Debian


class Festival(Engine):
    """Runs the program festival with a short Scheme script."""

    name: ClassVar[str] = "festival"
    about: ClassVar[str] = "two diphone voices and one HTS voice"
    licence: ClassVar[str] = "X11-like (CSTR), BSD-like voices (CMU, OGI)"

    def problem(self) -> str | None:
        if shutil.which("festival") is None or not self.voices():
            return (
                f"festival or its voices are missing: sudo apt-get install -y {' '.join(PACKAGES)}"
            )
        return None

    def voices(self) -> tuple[str, ...]:
        return _voices()

    def sound(self, text: str, voice: str, speed: float, pitch: float) -> tuple[np.ndarray, int]:
        import soundfile

        if not text.isascii():
            raise UserError("festival reads ASCII only")
        quoted = text.replace("\\", "").replace('"', "")
        with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
            file = Path(folder) / "speech.wav"
            script = (
                f"(begin (voice_{voice}) (Parameter.set 'Duration_Stretch {1 / speed:.4f})"
                f'(utt.save.wave (utt.synth (Utterance Text "{quoted}")) "{file}" \'riff))'
            )
            run(self.name, ["festival", "-b", script])
            return soundfile.read(file, dtype="float32") if file.exists() else (np.zeros(0), 16000)


@functools.cache
def _voices() -> tuple[str, ...]:
    """English voices that are installed."""
    if shutil.which("festival") is None:
        return ()
    said = run("festival", ["festival", "-b", "(print (voice.list))"])
    present = said.replace("(", " ").replace(")", " ").split()
    return tuple(voice for voice in VOICES if voice in present)
