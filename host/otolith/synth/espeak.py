"""Words spoken by espeak-ng, in many voices, rates and pitches."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from otolith.audio import RATE
from otolith.audio.segment import FRAME, Rules, frame_levels, segments
from otolith.errors import UserError

# Accents and voice variants of espeak-ng 1.51; a speaker is one of each.
ACCENTS = ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
VARIANTS = (
    "",
    *(f"m{i}" for i in range(1, 9)),
    *(f"f{i}" for i in range(1, 6)),
    "croak",
    "whisper",
)
RATES_WPM = (110, 230)  # words a minute
PITCHES = (20, 80)  # espeak-ng's 0..99
LEVELS_DB = (-30.0, -9.0)  # dBFS, peak
NOISE_DB = (-80.0, -60.0)  # dBFS, RMS of the room
_QUIET_DB = -50.0  # dBFS below the loudest frame is no part of the word


@dataclass(frozen=True)
class Voice:
    """A voice of espeak-ng, with its rate in words a minute and its pitch, 0 to 99."""

    accent: str
    variant: str
    rate: int
    pitch: int

    @property
    def speaker(self) -> str:
        """Name of the speaker: accent and variant, whatever rate and pitch."""
        return f"espeak-{self.accent}{'+' + self.variant if self.variant else ''}"


def need() -> None:
    """Raise UserError if espeak-ng is not installed."""
    if shutil.which("espeak-ng") is None:
        raise UserError("espeak-ng is missing: sudo apt-get install -y espeak-ng")


def voices(rng: np.random.Generator) -> Voice:
    """Draw a voice at random."""
    return Voice(
        ACCENTS[rng.integers(len(ACCENTS))],
        VARIANTS[rng.integers(len(VARIANTS))],
        int(rng.integers(*RATES_WPM, endpoint=True)),
        int(rng.integers(*PITCHES, endpoint=True)),
    )


def speak(word: str, voice: Voice) -> np.ndarray:
    """Let espeak-ng say a word.

    Args:
        word: Text to say. An underscore is a space, as in names of classes.
        voice: Voice to say it with.

    Returns:
        Samples at 16 kHz, float, where full scale is 1, without the silence around the word.

    Raises:
        UserError: espeak-ng fails, or says nothing.
    """
    import soundfile
    import soxr

    name = voice.accent + (f"+{voice.variant}" if voice.variant else "")
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:
        file = Path(folder) / "word.wav"
        command = ["espeak-ng", "-v", name, "-s", str(voice.rate), "-p", str(voice.pitch)]
        done = subprocess.run(
            [*command, "-w", str(file), "--", word.replace("_", " ")],
            capture_output=True,
            text=True,
        )
        if done.returncode or not file.exists():
            reason = (done.stderr.strip().splitlines() or ["no sound"])[-1]
            raise UserError(f"espeak-ng can't say {word!r} as {name}: {reason}")
        data, rate = soundfile.read(file)
    pcm = soxr.resample(data, rate, RATE, quality="VHQ")
    levels = frame_levels(np.clip(np.round(pcm * 32767), -32768, 32767).astype(np.int16))
    if not len(levels) or levels.max() < _QUIET_DB:
        raise UserError(f"espeak-ng says nothing for {word!r}: another spelling?")
    floor = levels.max() + _QUIET_DB
    spans = segments(
        levels, floor, Rules(on_db=0, off_db=0, least=1, gap=len(levels), most=1 << 30)
    )
    start, stop = spans[0][0] * FRAME, spans[-1][1] * FRAME
    return pcm[max(0, start - FRAME) : stop + FRAME]


def place(word: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Put a word at a random place and level into a quiet room; int16. The word stays whole."""
    noise = rng.normal(0, 10 ** (rng.uniform(*NOISE_DB) / 20), samples)
    start = int(rng.integers(0, samples - len(word) + 1))
    level = 10 ** (rng.uniform(*LEVELS_DB) / 20)
    noise[start : start + len(word)] += word * (level / np.abs(word).max())
    return np.clip(np.round(32768 * noise), -32768, 32767).astype(np.int16)


def keyword_clip(word: str, samples: int, key: Sequence[int]) -> tuple[np.ndarray, Voice]:
    """Make one clip of a word. If the voice is too slow for its length, it speaks faster.

    Args:
        word: Text to say.
        samples: Length at 16 kHz.
        key: Seed; the same key gives the same clip.

    Returns:
        int16 array of shape (samples,), and the voice.

    Raises:
        UserError: The word takes longer than the clip even at 400 words a minute.
    """
    rng = np.random.default_rng(tuple(key))
    voice = voices(rng)
    spoken = speak(word, voice)
    while len(spoken) > samples:
        if voice.rate >= 400:
            raise UserError(f"{word!r} takes longer than {samples / RATE:g} s: longer --seconds")
        voice = Voice(voice.accent, voice.variant, min(400, voice.rate + 40), voice.pitch)
        spoken = speak(word, voice)
    return place(spoken, samples, rng), voice
