"""Finds clips that say something else than they should.

A clip is compared with the same word and with other words, said by other voices and engines. Time
is warped (DTW), so that speed does not matter, and the mean spectrum is taken away, so that the
voice matters less. A clip that is nearer to another word than to its own is wrong.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from otolith.audio import RATE
from otolith.errors import UserError
from otolith.voices.alike import distance, phonemes
from otolith.voices.registry import find

FRAMES = 32  # every clip is stretched to so many
BANDS = 20  # mel bands, 100 to 7000 Hz
WARPS = (0.87, 1.0, 1.15)  # of the frequencies; the best counts
NEAREST = 3  # voices of a word that count
FAR = 2.5  # phonemes between a word and the others it is compared with
OWN_SHARE = 1.0  # a clip is wrong if another word's distance is below this share of its own's
ODD_SHARE = 1.6  # or if its own's is above this multiple of the median over all clips of the word
JUDGES = (  # engine and voices that say the words for comparison
    ("espeak-ng", ("en-us+m3", "en-us+f2", "en-gb+m7", "en-gb-x-rp+f4", "en-us+Andy")),
    ("flite", ("slt", "rms", "awb")),
    ("pico", ("en-GB", "en-US")),
)
CONTRASTS = (  # words of all kinds of sounds
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("yes", "no", "on", "off", "stop", "go", "left", "right", "water", "house", "happy"),
    *("window", "kitchen", "computer", "garden", "hey mister", "good morning"),
)


@dataclass(frozen=True)
class Clip:
    """A clip to check.

    Attributes:
        text: What it should say.
        speaker: Who says it; clips of the same speaker are no evidence for each other.
        engine: What says it.
        pcm: float32 samples at 16 kHz.
    """

    text: str
    speaker: str
    engine: str
    pcm: np.ndarray


@dataclass(frozen=True)
class Verdict:
    """What was found out about a clip.

    Attributes:
        own: Distance to its own word.
        other: Distance to the nearest other word.
        nearest: The nearest other word.
        odd: `own` divided by the median over all clips of the word.
    """

    own: float
    other: float
    nearest: str
    odd: float

    @property
    def wrong(self) -> bool:
        """Whether the clip says something else."""
        return self.other < OWN_SHARE * self.own or self.odd > ODD_SHARE


@functools.cache
def _mel(warp: float) -> np.ndarray:
    """Triangular mel filters of shape (257, BANDS), their frequencies multiplied by a factor."""
    hz = np.fft.rfftfreq(512, 1 / RATE)
    low, high = 2595 * np.log10(1 + np.array([100.0, 7000.0]) / 700)
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1) * warp
    up = (hz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(up, down), 0, None)


def spectrum(pcm: np.ndarray, warp: float = 1.0) -> np.ndarray:
    """The course of a clip's spectrum, without its mean and its length.

    Args:
        pcm: Float samples at 16 kHz.
        warp: Factor on the frequencies, as for a shorter vocal tract.

    Returns:
        float64 array of shape (FRAMES, 2 * BANDS): decibels, and how they change.
    """
    pcm = np.pad(pcm, (0, max(0, 512 - len(pcm))))
    emphasised = np.append(pcm[0], pcm[1:] - 0.95 * pcm[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, 400)[::160]
    power = np.abs(np.fft.rfft(frames * np.hanning(400), 512)) ** 2 @ _mel(warp)
    power = np.maximum(power, 1e-4 * power.max() + 1e-12)  # 40 dB below the loudest is nothing
    level = 10 * np.log10(power)
    level -= level.mean(axis=0)
    level /= level.std() + 1e-9
    at = np.linspace(0, len(level) - 1, FRAMES)
    bands = [np.interp(at, np.arange(len(level)), band) for band in level.T]
    course = np.stack(bands, 1)
    return np.concatenate([course, 2 * np.gradient(course, axis=0)], 1)


def distances(clip: np.ndarray, others: np.ndarray) -> np.ndarray:
    """DTW distances from a spectrum to many.

    Args:
        clip: Shape (FRAMES, bands).
        others: Shape (count, FRAMES, bands).

    Returns:
        Mean cost a step of the best path, shape (count,).
    """
    cost = np.sqrt(np.mean((clip[None, :, None] - others[:, None]) ** 2, axis=-1))
    total = np.full((len(others), FRAMES + 1, FRAMES + 1), np.inf)
    total[:, 0, 0] = 0
    for i in range(1, FRAMES + 1):
        above = np.minimum(total[:, i - 1, 1:], total[:, i - 1, :-1])
        for j in range(max(1, i - FRAMES // 3), min(FRAMES, i + FRAMES // 3) + 1):
            best = np.minimum(above[:, j - 1], total[:, i, j - 1])
            total[:, i, j] = cost[:, i - 1, j - 1] + best
    result: np.ndarray = total[:, -1, -1] / (2 * FRAMES)
    return result


def judges(texts: Sequence[str]) -> list[Clip]:
    """Let small engines say texts and the contrasts. Voices that fail are left out."""
    made = []
    for name, voices in JUDGES:
        engine = find(name)
        if engine.problem():
            continue
        for voice in voices:
            for text in dict.fromkeys((*texts, *CONTRASTS)):
                try:
                    pcm = engine.say(text, voice)
                except UserError:
                    continue
                made.append(Clip(text, engine.speaker(voice), name, pcm))
    return made


def verdicts(clips: Sequence[Clip], references: Sequence[Clip]) -> list[Verdict]:
    """Compare clips with references and, for their own word, with each other.

    Args:
        clips: What to check.
        references: Clips of the same and of other words, from `judges`.

    Returns:
        A verdict for each clip.
    """
    pool = [*references, *clips]
    courses = np.stack([spectrum(clip.pcm) for clip in pool])
    warped = [np.stack([spectrum(clip.pcm, warp) for clip in clips]) for warp in WARPS]
    sounds = {text: phonemes(text) for text in dict.fromkeys(clip.text for clip in pool)}
    found = []
    for number, clip in enumerate(clips):
        me = len(references) + number
        far = {t for t in sounds if distance(sounds[t], sounds[clip.text]) >= FAR}
        chosen = [
            i
            for i, other in enumerate(pool)
            if i != me
            and other.speaker != clip.speaker
            # only other engines speak for the word: one engine may be wrong in all its voices
            and (other.engine != clip.engine if other.text == clip.text else other.text in far)
            and (other.text == clip.text or i < len(references))
        ]
        apart = np.min([distances(w[number], courses[chosen]) for w in warped], axis=0)
        by_text: dict[str, list[float]] = {}
        for i, value in zip(chosen, apart, strict=True):
            by_text.setdefault(pool[i].text, []).append(float(value))
        nearest = {t: float(np.mean(sorted(v)[:NEAREST])) for t, v in by_text.items()}
        own = nearest.pop(clip.text, 0.0)  # no other engine says the word: nothing to compare
        other = min(nearest, key=lambda t: nearest[t], default="")
        found.append((own, nearest.get(other, np.inf), other))
    typical = {
        text: float(np.median([f[0] for f, c in zip(found, clips, strict=True) if c.text == text]))
        for text in {clip.text for clip in clips}
    }
    return [
        Verdict(own, other, nearest, own / max(typical[clip.text], 1e-9))
        for (own, other, nearest), clip in zip(found, clips, strict=True)
    ]
