"""Words spoken by espeak-ng in rooms and noise, and everything that is none of them.

Each voice speaks in one set only.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from otolith.synth.acoustics import far, room, to_pcm
from otolith.synth.backgrounds import BACKGROUNDS, unit
from otolith.synth.base import UNKNOWN, Generator, Take
from otolith.synth.espeak import (
    ACCENTS,
    PITCHES,
    RATES_WPM,
    VARIANTS,
    Voice,
    keyword_clip,
    need,
    speak,
)

OTHER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("up", "down", "left", "right", "stop", "go", "house", "happy", "marvin", "sheila"),
    *("bird", "cat", "dog", "tree", "bed", "wow", "forward", "backward", "follow", "learn"),
    *("visual", "yes", "no", "on", "off", "window", "kitchen", "morning", "water", "table"),
    *("hello", "often", "honest", "know", "yet", "less", "guess", "own", "and", "of"),
)
SHARES = {
    "train": (0.0, 0.75),
    "validate": (0.75, 0.85),
    "test": (0.85, 1.0),
}  # shares of the voices
SILENCE = "silence"  # may be a class; otherwise it is part of "unknown"
WHISPER = "whisper"  # whispered words are too different to learn beside voices


def speakers(part: str) -> list[tuple[str, str]]:
    """Accent and variant of each voice that speaks in the set `part`."""
    everyone = [(a, v) for a in ACCENTS for v in VARIANTS if v != WHISPER]
    order = np.random.default_rng(0x5EAC).permutation(len(everyone))
    first, last = (round(share * len(everyone)) for share in SHARES[part])
    return [everyone[i] for i in order[first:last]]


def say(rng: np.random.Generator, word: str, n: int, part: str) -> np.ndarray:
    """Let a voice of the set say a word; float samples, at most n of them."""
    known = speakers(part)
    accent, variant = known[rng.integers(len(known))]
    rate = int(rng.integers(*RATES_WPM, endpoint=True))
    pitch = int(rng.integers(*PITCHES, endpoint=True))
    spoken = speak(word, Voice(accent, variant, rate, pitch))
    while len(spoken) > n and rate < 400:
        rate = min(400, rate + 40)
        spoken = speak(word, Voice(accent, variant, rate, pitch))
    return spoken[:n]


def _within(rng: np.random.Generator, sound: np.ndarray, n: int) -> np.ndarray:
    out = np.zeros(n)
    start = int(rng.integers(0, n - len(sound) + 1))
    out[start : start + len(sound)] = sound
    return out


def _cut_off(rng: np.random.Generator, word: np.ndarray, n: int) -> np.ndarray:
    """A word that has hardly begun or is nearly over: at most a third of it is in the window."""
    length = int(len(word) * rng.uniform(0.1, 0.35))
    out = np.zeros(n)
    if rng.random() < 0.5:
        out[n - length :] = word[:length]
    else:
        out[:length] = word[len(word) - length :]
    return out


def _noise(rng: np.random.Generator, n: int) -> np.ndarray:
    names = list(BACKGROUNDS)
    return BACKGROUNDS[names[rng.integers(len(names))]](rng, n)


def _heard(rng: np.random.Generator, sound: np.ndarray) -> np.ndarray:
    """Put a sound into a room, at a distance and over a background; int16."""
    n = len(sound)
    if rng.random() < 0.6:
        sound = room(rng, sound)
    sound = far(rng, sound)
    level = 10 ** (rng.uniform(-30, -3) / 20)
    loud = sound[np.abs(sound) > 0.05 * max(np.abs(sound).max(), 1e-9)]
    rms = level * np.sqrt(np.mean(loud * loud)) / np.abs(sound).max() if len(loud) else level
    behind = unit(_noise(rng, n)) * rms * 10 ** (-rng.uniform(6, 45) / 20)
    mixed = level * sound / max(np.abs(sound).max(), 1e-9) + behind
    mixed += rng.normal(0, 10 ** (rng.uniform(-84, -62) / 20), n)
    return np.clip(np.round(32767 * mixed), -32768, 32767).astype(np.int16)


def spoken_clip(
    rng: np.random.Generator, label: str, n: int, part: str, classes: list[str]
) -> np.ndarray:
    """Make a clip of a word, of "unknown" or of "silence".

    Unknown is other words than the classes, a piece of a class's word, talk, noise, or next to
    nothing. If "silence" is a class, noise and next to nothing belong there.

    Args:
        rng: Source of random choices.
        label: A word to say, UNKNOWN or SILENCE.
        n: Length in samples.
        part: The set, which decides the voices.
        classes: All classes of the model.

    Returns:
        int16 array of shape (n,).

    Raises:
        UserError: espeak-ng is not installed.
    """
    need()
    words = [name for name in classes if name not in (SILENCE, UNKNOWN)]
    if label not in (SILENCE, UNKNOWN):
        return _heard(rng, _within(rng, say(rng, label, n, part), n))
    kind = rng.random()
    if label == SILENCE:
        kind = 0.0 if kind < 0.3 else 1.0
    elif SILENCE in classes:
        kind = 0.08 + 0.72 * kind
    if kind < 0.08:
        return rng.normal(0, rng.uniform(0.5, 12), n).astype(np.int16)
    if kind < 0.50:
        others = [word for word in OTHER_WORDS if word not in words]
        return _heard(rng, _within(rng, say(rng, str(rng.choice(others)), n, part), n))
    if kind < 0.70:
        word = say(rng, words[rng.integers(len(words))], n, part)
        return _heard(rng, _cut_off(rng, word, n))
    if kind < 0.80:
        return _heard(rng, BACKGROUNDS["speech"](rng, n))
    return to_pcm(far(rng, _noise(rng, n)), rng.uniform(-60, -12))


class Keyword(Generator):
    """Any word as a class; other words and noises as "unknown", next to nothing as "silence"."""

    about: ClassVar[str] = "Words spoken by espeak-ng in many voices."

    def prepare(self) -> None:
        need()

    def clip(self, rng: np.random.Generator, label: str, samples: int, part: str) -> np.ndarray:
        return spoken_clip(rng, label, samples, part, self.classes)

    def take(self, seed: int, number: int, word: str, label: str, samples: int) -> Take:
        pcm, voice = keyword_clip(word, samples, (seed, number, *word.encode()))
        note = f"{word}, {voice.rate} words a minute, pitch {voice.pitch}"
        return Take(pcm, speaker=voice.speaker, device="espeak-ng", note=note)
