"""Fire and carbon-monoxide alarms as they reach a microphone, and everything that is none.

Patterns: temporal-three of ISO 8201 and NFPA 72 (0.5 s on, 0.5 s off, three times, then a pause of
1.5 s) and temporal-four (100 ms on, 100 ms off, four times, then a pause of 5 s). Tones: about
3.1 kHz (piezo horns) and the 520 Hz square wave for sleeping rooms.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.synth.acoustics import far, room, to_pcm
from otolith.synth.backgrounds import background, unit
from otolith.synth.base import PARTS, Generator, Take

FIRE_ALARM, BACKGROUND = "fire_alarm", "background"
T3, T4 = "temporal-three", "temporal-four"
PIEZO_HZ, LOW_HZ = 3100.0, 520.0  # of the two tones


def envelope(pattern: str, n: int, start: float = 0.0, stretch: float = 1.0) -> np.ndarray:
    """When an alarm's pattern sounds.

    Args:
        pattern: T3 or T4.
        n: Length in samples.
        start: Seconds into the pattern's cycle at the first sample.
        stretch: Factor on all times of the pattern.

    Returns:
        Array of shape (n,): 1.0 where the alarm sounds, 0.0 in its pauses.
    """
    if pattern == T3:
        on, step, pulses, cycle = 0.5, 1.0, 3, 4.0
    elif pattern == T4:
        on, step, pulses, cycle = 0.1, 0.2, 4, 5.7
    else:
        raise ValueError(pattern)
    t = ((np.arange(n) / RATE / stretch) + start) % cycle
    return ((t % step < on) & (t < pulses * step)).astype(float)


def tone(rng: np.random.Generator, n: int, low: bool) -> np.ndarray:
    """Make a horn's steady tone, which drifts a little.

    Args:
        rng: Source of random choices.
        n: Length in samples.
        low: True for the 520 Hz square wave, False for 3.1 kHz with weak harmonics.

    Returns:
        float64 array of shape (n,).
    """
    base = LOW_HZ * rng.uniform(0.96, 1.04) if low else PIEZO_HZ * rng.uniform(0.92, 1.08)
    t = np.arange(n) / RATE
    drift = 1 + rng.uniform(-0.01, 0.01) * t / max(t[-1], 1e-9) + 0.002 * np.sin(2 * np.pi * 5 * t)
    phase = 2 * np.pi * np.cumsum(base * drift) / RATE
    if not low:
        return np.sin(phase) + rng.uniform(0, 0.3) * np.sin(2 * phase + 1)
    harmonics = range(1, int(7500 // base) + 1, 2)  # band-limited square
    return sum(np.sin(k * phase) / k for k in harmonics)  # type: ignore[return-value]


def alarm_clip(
    rng: np.random.Generator,
    n: int,
    pattern: str | None = None,
    low: bool | None = None,
    audible: float = 0.2,
) -> np.ndarray:
    """Make an alarm over a background.

    Args:
        rng: Source of random choices.
        n: Length in samples.
        pattern: T3 or T4. None draws one.
        low: The tone, as in `tone`. None draws one.
        audible: Seconds of the clip in which the alarm sounds at least, where its pattern allows.

    Returns:
        int16 array of shape (n,).
    """
    pattern = pattern or (T3 if rng.random() < 0.65 else T4)
    low = rng.random() < 0.4 if low is None else low
    cycle = 4.0 if pattern == T3 else 5.7
    stretch = rng.uniform(0.95, 1.05)
    for _ in range(200):
        gate = envelope(pattern, n, rng.uniform(0, cycle), stretch)
        if gate.sum() >= audible * RATE:
            break
    attack = np.ones(48) / 48  # 3 ms edges
    sound = unit(tone(rng, n, low)) * np.convolve(gate, attack, "same")
    sound = far(rng, room(rng, sound))
    snr = 10 ** (rng.uniform(-3, 30) / 20)
    return to_pcm(sound * snr + background(rng, n), rng.uniform(-45, -9))


def background_clip(rng: np.random.Generator, n: int) -> np.ndarray:
    """Make a sound that is no alarm; one in twenty is nearly silent.

    Args:
        rng: Source of random choices.
        n: Length in samples.

    Returns:
        int16 array of shape (n,).
    """
    if rng.random() < 0.05:
        return rng.normal(0, rng.uniform(0.3, 8), n).astype(np.int16)
    sound = background(rng, n)
    if rng.random() < 0.5:
        sound = room(rng, sound)
    return to_pcm(far(rng, sound), rng.uniform(-60, -9))


class Alarm(Generator):
    """Alarms, and backgrounds without one."""

    labels: ClassVar[tuple[str, ...]] = (FIRE_ALARM, BACKGROUND)
    seconds: ClassVar[float] = 5.0
    scene_s: ClassVar[float] = 8.0  # a cycle takes 4 or 5.7 s
    about: ClassVar[str] = "Fire and carbon-monoxide alarms, and backgrounds."

    @staticmethod
    def key(seed: int, place: int, number: int) -> tuple[int, ...]:
        # The key from before generators had a common one: models/fire_alarm keeps its sounds.
        return seed * len(PARTS) + place, number

    def clip(self, rng: np.random.Generator, label: str, samples: int, part: str) -> np.ndarray:
        return (alarm_clip if label == FIRE_ALARM else background_clip)(rng, samples)

    def take(self, seed: int, number: int, word: str, label: str, samples: int) -> Take:
        return Take(self.clip(np.random.default_rng((seed, number)), word, samples, "train"))
