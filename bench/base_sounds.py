"""The words that bases learn from: spoken by espeak-ng and flite, and what is kept for tests.

    python bench/base_sounds.py        # fills build/bases/words

Words that a benchmark reports (athena, amelia, alexa, jarvis, snowboy; close, enter and record in
Arabic) are neither in bench/words.txt nor in any other source of a base.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from otolith.audio import RATE
from otolith.errors import UserError
from otolith.paths import ROOT
from otolith.synth.espeak import PITCHES, RATES_WPM, VARIANTS, Voice, speak

OUT = ROOT / "build" / "bases"
ACCENTS = ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-029", "de", "it")
FLITE = ("kal16", "slt", "rms", "awb")
ESPEAK_CLIPS, SEED = 11, 0xBA5E


def vocabulary() -> list[str]:
    """The words of bench/words.txt; an underscore stands for a space."""
    return (ROOT / "bench" / "words.txt").read_text(encoding="utf-8").split()


def by_espeak(word: str, number: int) -> tuple[np.ndarray, str]:
    """One take of a word, float at 16 kHz, and the name of its voice."""
    rng = np.random.default_rng((SEED, number, len(word), *word.encode()))
    variants = [v for v in VARIANTS if v != "whisper"]
    voice = Voice(
        ACCENTS[rng.integers(len(ACCENTS))] if number % 4 else ACCENTS[number % 2],
        variants[rng.integers(len(variants))],
        int(rng.integers(*RATES_WPM)),
        int(rng.integers(*PITCHES)),
    )
    return speak(word.replace("_", " "), voice), voice.speaker


def by_flite(word: str, voice: str) -> np.ndarray:
    """One take of a word, float at 16 kHz, without the silence around it."""
    stretch = 0.85 + 0.5 * np.random.default_rng((SEED, *(word + voice).encode())).random()
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        file = Path(folder) / "word.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.2f}"]
        subprocess.run([*command, "-t", word.replace("_", " "), "-o", file], check=True)
        data, rate = soundfile.read(file)
    pcm = soxr.resample(data, rate, RATE)
    loud = np.flatnonzero(np.abs(pcm) > 0.01 * np.abs(pcm).max())
    return pcm[max(0, loud[0] - 160) : loud[-1] + 160]


def takes(word: str) -> list[tuple[np.ndarray, str]]:
    """All takes of a word, and their voices."""
    found = []
    for number in range(ESPEAK_CLIPS):
        try:
            found.append(by_espeak(word, number))
        except UserError:  # a voice that can't say it
            continue
    return found + [(by_flite(word, voice), f"flite-{voice}") for voice in FLITE]


def main() -> None:
    folder = OUT / "words"
    folder.mkdir(parents=True, exist_ok=True)
    for word in vocabulary():
        if (folder / f"{word}.npz").exists():
            continue
        made = takes(word)
        arrays = {
            f"{i:02} {voice}": np.round(32767 * pcm / max(1.0, np.abs(pcm).max())).astype(np.int16)
            for i, (pcm, voice) in enumerate(made)
        }
        np.savez(folder / f"{word}.npz", **arrays)


if __name__ == "__main__":
    main()
