"""Fire and carbon-monoxide alarms as they reach a microphone.

Patterns: temporal-three of ISO 8201 and NFPA 72 (0.5 s on, 0.5 s off, three times, then 1.5 s
pause) and temporal-four (100 ms on, 100 ms off, four times, then 5 s pause). Tones: about 3.1 kHz
(piezo horns) and the 520 Hz square wave for sleeping rooms.
"""

from __future__ import annotations

import numpy as np

from otolith.audio import RATE
from otolith.synth.backgrounds import background, unit

T3, T4 = "temporal-three", "temporal-four"
PIEZO_HZ, LOW_HZ = 3100.0, 520.0


def envelope(pattern: str, n: int, start: float = 0.0, stretch: float = 1.0) -> np.ndarray:
    """0/1 of an alarm's pattern, `start` seconds into its cycle; `stretch` lengthens its times."""
    if pattern == T3:
        on, step, pulses, cycle = 0.5, 1.0, 3, 4.0
    elif pattern == T4:
        on, step, pulses, cycle = 0.1, 0.2, 4, 5.7
    else:
        raise ValueError(pattern)
    t = ((np.arange(n) / RATE / stretch) + start) % cycle
    return ((t % step < on) & (t < pulses * step)).astype(float)


def tone(rng: np.random.Generator, n: int, low: bool) -> np.ndarray:
    """A horn's tone with its drift: 3.1 kHz with weak harmonics, or a 520 Hz square wave."""
    base = LOW_HZ * rng.uniform(0.96, 1.04) if low else PIEZO_HZ * rng.uniform(0.92, 1.08)
    t = np.arange(n) / RATE
    drift = 1 + rng.uniform(-0.01, 0.01) * t / max(t[-1], 1e-9) + 0.002 * np.sin(2 * np.pi * 5 * t)
    phase = 2 * np.pi * np.cumsum(base * drift) / RATE
    if not low:
        return np.sin(phase) + rng.uniform(0, 0.3) * np.sin(2 * phase + 1)
    harmonics = range(1, int(7500 // base) + 1, 2)  # band-limited square
    return sum(np.sin(k * phase) / k for k in harmonics)  # type: ignore[return-value]


def room(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Reverberation: direct sound and an exponentially decaying tail."""
    decay = rng.uniform(0.08, 0.7)  # s to -60 dB
    length = int(decay * RATE)
    tail = rng.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
    tail *= rng.uniform(0.02, 0.25) / np.sqrt(np.sum(tail**2) + 1e-9) * 3
    tail[0] += 1
    size = 1 << (len(x) + length - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size)[: len(x)]


def far(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Distance and doors take the treble."""
    corner = rng.uniform(2500, 16000)
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    return np.fft.irfft(np.fft.rfft(x) / np.sqrt(1 + (f / corner) ** 2), len(x))


def to_pcm(x: np.ndarray, rms_db: float) -> np.ndarray:
    """int16 at `rms_db` dBFS, clipped softly near full scale."""
    y = unit(x) * 10 ** (rms_db / 20)
    return np.round(np.tanh(y / 0.9) * 0.9 * 32767).astype(np.int16)


def alarm_clip(
    rng: np.random.Generator,
    n: int,
    pattern: str | None = None,
    low: bool | None = None,
    audible: float = 0.2,
) -> np.ndarray:
    """An alarm over background, int16; at least `audible` seconds of the clip (or all the pattern
    allows) sound."""
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
    """Everything but an alarm, int16; sometimes next to nothing."""
    if rng.random() < 0.05:
        return rng.normal(0, rng.uniform(0.3, 8), n).astype(np.int16)
    sound = background(rng, n)
    if rng.random() < 0.5:
        sound = room(rng, sound)
    return to_pcm(far(rng, sound), rng.uniform(-60, -9))
