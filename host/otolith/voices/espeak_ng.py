"""eSpeak NG: formant synthesis, many accents and voice variants. Debian: espeak-ng."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np

from otolith.voices.base import Engine, run

ACCENTS = {  # by their files, because "en-gb+f2" would speak without its variant
    **{"en-gb": "gmw/en", "en-gb-scotland": "gmw/en-GB-scotland", "en-gb-x-rp": "gmw/en-GB-x-rp"},
    **{"en-gb-x-gbclan": "gmw/en-GB-x-gbclan", "en-gb-x-gbcwmd": "gmw/en-GB-x-gbcwmd"},
    **{"en-029": "gmw/en-029", "en-us": "gmw/en-US", "en-us-nyc": "gmw/en-US-nyc"},
}
# Variants of release 1.51 that sound like different people. Whispers and robots are left out.
VARIANTS = (
    *(f"m{i}" for i in range(1, 9)),
    *(f"f{i}" for i in range(1, 6)),
    *("adam", "Alex", "Alicia", "Andrea", "Andy", "Annie", "aunty", "belinda", "benjamin"),
    *("boris", "david", "Denis", "Diogo", "ed", "edward", "Gene", "grandma", "grandpa"),
    *("gustave", "Henrique", "Hugo", "Jacky", "john", "klatt", "klatt4", "Lee", "linda"),
    *("marcelo", "Marco", "max", "Michael", "mike", "pablo", "paul", "quincy", "rob", "robert"),
    *("steph", "steph2", "Storm", "travis", "victor", "zac", "croak"),
)
RATE_WPM = 165  # words a minute at speed 1
PITCH = 50  # espeak-ng's 0 to 99; about 1.2 octaves for that range
_STEPS_AN_OCTAVE = 70


class EspeakNg(Engine):
    """Runs the program espeak-ng. A voice is an accent and a variant."""

    name: ClassVar[str] = "espeak-ng"
    about: ClassVar[str] = "formant synthesis, 8 accents by 56 variants"
    licence: ClassVar[str] = "GPL-3.0-or-later"
    pitches: ClassVar[bool] = True

    def problem(self) -> str | None:
        if shutil.which("espeak-ng") is None:
            return "espeak-ng is missing: sudo apt-get install -y espeak-ng"
        return None

    def voices(self) -> tuple[str, ...]:
        return _voices()

    def sound(self, text: str, voice: str, speed: float, pitch: float) -> tuple[np.ndarray, int]:
        import soundfile

        accent, _, variant = voice.partition("+")
        name = f"{ACCENTS[accent]}+{variant}"
        rate = round(RATE_WPM * speed)
        height = round(np.clip(PITCH + _STEPS_AN_OCTAVE * np.log2(pitch), 0, 99))
        with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
            file = Path(folder) / "speech.wav"
            command = ["espeak-ng", "-v", name, "-s", str(rate), "-p", str(height)]
            run(self.name, [*command, "-w", str(file), "--", text])
            return soundfile.read(file, dtype="float32") if file.exists() else (np.zeros(0), rate)


@functools.cache
def _voices() -> tuple[str, ...]:
    """Accents and variants that the installed release has; it prints nothing for others."""
    lines = run("espeak-ng", ["espeak-ng", "--voices=variant"]).splitlines()
    present = {line.rpartition("!v/")[2].split()[0] for line in lines if "!v/" in line}
    accents = {
        line.split()[1] for line in run("espeak-ng", ["espeak-ng", "--voices=en"]).splitlines()
    }
    return tuple(f"{a}+{v}" for a in ACCENTS if a in accents for v in VARIANTS if v in present)


def ipa(text: str, british: bool = False) -> str:
    """Phonemes of an English text in the International Phonetic Alphabet, with stress marks.

    Raises:
        UserError: espeak-ng is not installed.
    """
    voice = "en-gb" if british else "en-us"
    said = run("espeak-ng", ["espeak-ng", "-q", "--ipa", "-v", voice, "--", text])
    return " ".join(said.split())
