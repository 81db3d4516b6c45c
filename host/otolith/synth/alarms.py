"""Fire and carbon-monoxide alarms of many countries, and sounds that are mistaken for them.

A signal is a pitch (Hz, for each sample) and a gate (1 where it sounds, 0 in its pauses). Each is
one function that names its standard. `SIGNALS` and `LOOKALIKES` are the registries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.synth.acoustics import far, room, to_pcm
from otolith.synth.backgrounds import BACKGROUNDS, background, coloured, unit
from otolith.synth.base import Generator, Take

FIRE_ALARM, BACKGROUND = "fire_alarm", "background"
PIEZO_HZ = (2400.0, 4000.0)  # resonances of the horns in smoke alarms
_NYQUIST = 7600.0  # Hz; partials above are left out


@dataclass(frozen=True)
class Signal:
    """What an alarm plays.

    Attributes:
        pitch: Frequency in Hz, one value a sample.
        gate: 1.0 where it sounds, 0.0 in its pauses, one value a sample.
        square: Whether it has the odd harmonics of a square wave.
        cycle_s: Seconds after which it repeats.
        buzz: Whether it has many strong harmonics, as a vibrating metal plate has.
    """

    pitch: np.ndarray
    gate: np.ndarray
    square: bool
    cycle_s: float
    buzz: bool = False


# Each takes a random generator and times in s, and returns the signal at these times.
Maker = Callable[[np.random.Generator, np.ndarray], Signal]


def _steady(t: np.ndarray, hz: float) -> np.ndarray:
    return np.full(len(t), hz)


def pulses(t: np.ndarray, on: float, off: float, count: int, pause: float) -> np.ndarray:
    """A gate of `count` pulses, with `off` seconds between them and `pause` seconds after them."""
    step = on + off
    t = t % (count * step - off + pause)
    return ((t % step < on) & (t < count * step)).astype(float)


def piezo(rng: np.random.Generator) -> float:
    """Draw the frequency of a piezo horn in Hz; most are near 3.1 kHz."""
    return float(rng.uniform(2900, 3400) if rng.random() < 0.6 else rng.uniform(*PIEZO_HZ))


def temporal_three(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """ISO 8201 and NFPA 72: 0.5 s on, 0.5 s off, three times, the third pause 1.5 s. Piezo horn."""
    return Signal(_steady(t, piezo(rng)), pulses(t, 0.5, 0.5, 3, 1.5), rng.random() < 0.3, 4.0)


def temporal_three_520(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """NFPA 72, 18.4.6: temporal-three with a 520 Hz square wave, within 10 %, in sleeping rooms."""
    hz = 520 * rng.uniform(0.94, 1.06)
    return Signal(_steady(t, hz), pulses(t, 0.5, 0.5, 3, 1.5), True, 4.0)


def temporal_four(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """NFPA 72 and UL 2034, carbon monoxide: 0.1 s on, 0.1 s off, four times, then 5 s of pause."""
    hz = 520 * rng.uniform(0.94, 1.06) if rng.random() < 0.15 else piezo(rng)
    square = hz < 1000 or rng.random() < 0.3
    return Signal(_steady(t, hz), pulses(t, 0.1, 0.1, 4, 5.0), square, 5.7)


def continuous(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """EN 14604 prescribes no pattern: a steady piezo tone."""
    return Signal(_steady(t, piezo(rng)), np.ones(len(t)), rng.random() < 0.3, 1.0)


def british(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """BS 5839-1: 800 and 970 Hz in turn, 0.25 or 0.5 s each."""
    each = (0.25, 0.5)[rng.integers(2)]
    pitch = np.where(t % (2 * each) < each, 800.0, 970.0)
    return Signal(pitch, np.ones(len(t)), rng.random() < 0.6, 2 * each)


def german(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """DIN 33404-3: from 1200 down to 500 Hz in 1 s, again and again."""
    return Signal(1200 - 700 * (t % 1), np.ones(len(t)), rng.random() < 0.6, 1.0)


def french(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """NF S 32-001: 554 Hz for 0.1 s, 440 Hz for 0.4 s."""
    pitch = np.where(t % 0.5 < 0.1, 554.0, 440.0)
    return Signal(pitch, np.ones(len(t)), rng.random() < 0.7, 0.5)


def dutch(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """NEN 2575, slow whoop: from 500 up to 1200 Hz in 3.5 s, then 0.5 s of silence."""
    at = t % 4
    pitch = 500 + 700 * np.minimum(at / 3.5, 1)
    return Signal(pitch, (at < 3.5).astype(float), rng.random() < 0.6, 4.0)


def australian(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """AS 1670.4, evacuation: temporal-three whose pulses each sweep from 500 up to 1200 Hz."""
    at = t % 4
    gate = pulses(t, 0.5, 0.5, 3, 1.5)
    return Signal(500 + 700 * np.minimum(at % 1 / 0.5, 1), gate, rng.random() < 0.6, 4.0)


def chirping(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """Cheap detectors, no standard: piezo pulses of 40 to 250 ms, 2 to 8 a second."""
    period = 1 / rng.uniform(2, 8)
    on = period * rng.uniform(0.4, 0.7)
    return Signal(_steady(t, piezo(rng)), (t % period < on).astype(float), False, period)


def warbling(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """Cheap detectors, no standard: a piezo tone that sweeps up by a third, 2 to 10 times a s."""
    low = rng.uniform(2200, 2900)
    share = t * rng.uniform(2, 10) % 1
    pitch = low * (1 + rng.uniform(0.12, 0.35) * share)
    return Signal(pitch, np.ones(len(t)), rng.random() < 0.3, 1.0)


def horn(rng: np.random.Generator, t: np.ndarray) -> Signal:
    """Electromechanical horns of buildings: a plate that buzzes, in any of NFPA 72's patterns."""
    pattern = rng.integers(3)
    if pattern == 0:
        gate = pulses(t, 0.5, 0.5, 3, 1.5)
    elif pattern == 1:  # march time, 120 a minute
        gate = pulses(t, 0.25, 0.25, 1000, 0.25)
    else:
        gate = np.ones(len(t))
    return Signal(_steady(t, rng.uniform(400, 1100)), gate, False, 4.0, buzz=True)


SIGNALS: dict[str, Maker] = {
    "temporal-three": temporal_three,
    "temporal-three-520": temporal_three_520,
    "temporal-four": temporal_four,
    "continuous": continuous,
    "british": british,
    "german": german,
    "french": french,
    "dutch": dutch,
    "australian": australian,
    "chirping": chirping,
    "warbling": warbling,
    "horn": horn,
}
# Smoke and carbon-monoxide alarms at home come more often than the sounders of buildings.
_WEIGHTS = {"temporal-three": 3.0, "temporal-four": 3.0, "temporal-three-520": 2.0}
_WEIGHTS |= {"continuous": 2.0}


def _partials(phase: np.ndarray, pitch: np.ndarray, levels: dict[int, float]) -> np.ndarray:
    """A sum of partials below _NYQUIST: sin(k x) = 2 cos(x) sin((k - 1) x) - sin((k - 2) x)."""
    lowest = float(pitch.min())
    sine, twice = np.sin(phase), 2 * np.cos(phase)
    before, now = np.zeros(len(phase)), sine
    sound = np.zeros(len(phase))
    for k in range(1, max(levels) + 1):
        if k * lowest >= _NYQUIST:
            break
        if k in levels:
            sound += np.where(k * pitch < _NYQUIST, levels[k], 0.0) * now
        before, now = now, twice * now - before
    return sound


def play(rng: np.random.Generator, signal: Signal, drift: float = 0.006) -> np.ndarray:
    """Let a horn play a signal: harmonics, a slow drift, a tremble, edges of 3 ms.

    Args:
        rng: Source of random choices.
        signal: What to play.
        drift: Largest change of the pitch over the clip, as a share.

    Returns:
        float64 samples with an RMS of 1 while it sounds.
    """
    n = len(signal.pitch)
    t = np.arange(n) / RATE
    wander = 1 + rng.uniform(-drift, drift) * t / max(t[-1], 1e-9)
    wander += drift / 4 * np.sin(2 * np.pi * rng.uniform(2, 7) * t)
    pitch = signal.pitch * wander
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    if signal.square:
        levels = {k: 1 / k for k in range(1, 16, 2)}
    elif signal.buzz:
        levels = {k: float(rng.uniform(0.3, 1)) for k in range(1, 16)}
    else:
        levels = {1: 1.0, 2: rng.uniform(0, 0.3), 3: rng.uniform(0, 0.2), 4: rng.uniform(0, 0.1)}
    sound = _partials(phase, pitch, levels)
    edges = np.convolve(signal.gate, np.ones(48) / 48, "same")
    return unit(sound) * edges


def corridor(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Add the echoes of a corridor: reflections at even distances that fade slowly."""
    delay = rng.uniform(0.012, 0.09)  # s; 4 to 30 m there and back
    fade = rng.uniform(0.45, 0.85)
    out = x.copy()
    for k in range(1, 12):
        shift = int(k * delay * rng.uniform(0.97, 1.03) * RATE)
        if shift >= len(x):
            break
        out[shift:] += fade**k * rng.choice((-1, 1)) * x[:-shift]
    return out


def alarm_clip(
    rng: np.random.Generator, n: int, name: str | None = None, audible: float = 0.25
) -> np.ndarray:
    """Make an alarm over a background.

    Args:
        rng: Source of random choices.
        n: Length in samples.
        name: A key of SIGNALS. None draws one.
        audible: Seconds of the clip in which the alarm sounds at least, where its pattern allows.

    Returns:
        int16 array of shape (n,).
    """
    if name is None:
        weights = np.array([_WEIGHTS.get(key, 1.0) for key in SIGNALS])
        name = str(rng.choice(list(SIGNALS), p=weights / weights.sum()))
    stretch = rng.uniform(0.95, 1.05)
    for _ in range(200):
        t = np.arange(n) / RATE / stretch + rng.uniform(0, 60)
        signal = SIGNALS[name](rng, t)
        if signal.gate.sum() >= audible * RATE:
            break
    sound = play(rng, signal)
    if rng.random() < 0.1:  # two detectors, of which each has its own pitch
        other = replace(signal, pitch=signal.pitch * rng.uniform(0.93, 1.07))
        sound = sound + rng.uniform(0.3, 1) * play(rng, other)
    if rng.random() < 0.3:
        sound = corridor(rng, sound)
    sound = far(rng, room(rng, sound))
    snr = 10 ** (rng.uniform(-3, 30) / 20)
    return to_pcm(
        sound * snr + background(rng, n), rng.uniform(-50, -3)
    )  # near ones overload the microphone


# Sounds that must not be taken for an alarm. Each returns float64 samples.


def low_battery(rng: np.random.Generator, n: int) -> np.ndarray:
    """A smoke alarm's empty battery: one chirp of 20 to 100 ms, every 30 to 60 s."""
    t = np.arange(n) / RATE - rng.uniform(0, n / RATE)
    gate = ((t >= 0) & (t < rng.uniform(0.02, 0.1))).astype(float)
    return play(rng, Signal(_steady(t, piezo(rng)), gate, False, 60))


def microwave(rng: np.random.Generator, n: int) -> np.ndarray:
    """A microwave oven or dishwasher: three to five beeps of 0.15 to 1 s near 1 to 2.2 kHz."""
    t = np.arange(n) / RATE + rng.uniform(0, 4)
    on = rng.uniform(0.15, 1.0)
    gate = pulses(t, on, rng.uniform(0.3, 1.2), int(rng.integers(3, 6)), rng.uniform(2, 10))
    return play(rng, Signal(_steady(t, rng.uniform(950, 2200)), gate, rng.random() < 0.4, 9))


def phone(rng: np.random.Generator, n: int) -> np.ndarray:
    """A telephone: 440 and 480 Hz (North America), a bell at 20 Hz, or a melody of short notes."""
    t = np.arange(n) / RATE + rng.uniform(0, 3)
    kind = rng.integers(3)
    if kind == 0:
        ring = np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t)
        return unit(ring * (t % 6 < 2) + 1e-4 * rng.normal(size=n))
    if kind == 1:
        low, high = np.sort(rng.uniform(600, 2100, 2))
        pitch = np.where(t * rng.uniform(12, 25) % 1 < 0.5, low, high)
        return play(rng, Signal(pitch, (t % 3 < 1.2).astype(float), rng.random() < 0.5, 3))
    notes = rng.choice([523, 587, 659, 698, 784, 880, 988, 1047, 1319, 1568], 64)
    length = rng.uniform(0.09, 0.25)
    pitch = notes[(t / length).astype(int) % 64].astype(float)
    return play(rng, Signal(pitch, (t % length < length * 0.9).astype(float), True, 3))


def lorry(rng: np.random.Generator, n: int) -> np.ndarray:
    """A reversing lorry: 1 to 1.5 kHz or bursts of noise, about 0.5 s on and 0.5 s off."""
    t = np.arange(n) / RATE + rng.uniform(0, 2)
    on = rng.uniform(0.3, 0.6)
    gate = pulses(t, on, rng.uniform(0.3, 0.6), 1000, 1)
    if rng.random() < 0.25:
        return unit(coloured(rng, n, 0.5) * gate + 1e-4 * rng.normal(size=n))
    return play(rng, Signal(_steady(t, rng.uniform(1000, 1500)), gate, rng.random() < 0.5, 1))


def kettle(rng: np.random.Generator, n: int) -> np.ndarray:
    """A whistling kettle: a rough tone that climbs and flutters in a rush of steam."""
    t = np.arange(n) / RATE
    flutter = np.cumsum(rng.normal(size=n)) / np.sqrt(RATE)
    pitch = rng.uniform(900, 2300) * (1 + rng.uniform(0, 0.15) * t / t[-1] + 0.02 * flutter)
    tone = play(rng, Signal(pitch, np.ones(n), False, 1), 0.02)
    return unit(tone * rng.uniform(0.3, 1.5) + coloured(rng, n, rng.uniform(-0.5, 0.8)))


def birds(rng: np.random.Generator, n: int) -> np.ndarray:
    """A bird's song: a phrase of glides and trills of 20 to 150 ms, repeated with variations."""
    count = int(rng.integers(2, 9))
    tones = rng.uniform(1800, 6500, (count, 2))
    lengths = rng.uniform(0.02, 0.15, count)
    gaps = rng.uniform(0.02, 0.25, count)
    out, at, k = np.zeros(n), int(rng.integers(0, 4000)), 0
    while at < n:
        size = int(lengths[k % count] * RATE)
        share = np.linspace(0, 1, size)
        low, high = tones[k % count] * rng.uniform(0.97, 1.03, 2)
        pitch = low + (high - low) * share + 80 * np.sin(2 * np.pi * 30 * share)
        note = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.hanning(size)
        out[at : at + size] += note[: n - at]
        at += size + int(gaps[k % count] * rng.uniform(0.8, 1.2) * RATE)
        k += 1
    return unit(out + 0.005 * rng.normal(size=n))


def clock(rng: np.random.Generator, n: int) -> np.ndarray:
    """An alarm clock: bursts of two to four beeps of 40 to 90 ms at 2048 Hz, or at 4096 Hz."""
    t = np.arange(n) / RATE + rng.uniform(0, 2)
    on = rng.uniform(0.04, 0.09)
    gate = pulses(t, on, on, int(rng.integers(2, 5)), rng.uniform(0.4, 0.8))
    hz = (2048.0, 4096.0 * 1.02)[int(rng.random() < 0.3)]
    return play(rng, Signal(_steady(t, hz), gate, rng.random() < 0.5, 1))


def crying(rng: np.random.Generator, n: int) -> np.ndarray:
    """A baby or an animal: harmonics of 300 to 900 Hz that glide, shiver and break off."""
    out = np.zeros(n)
    at = -int(rng.integers(0, 8000))
    base = rng.uniform(300, 900)
    while at < n:
        size = int(rng.uniform(0.3, 1.4) * RATE)
        share = np.linspace(0, 1, size)
        bend = rng.uniform(-0.3, 0.3) * share + rng.uniform(0.05, 0.5) * np.sin(np.pi * share)
        shiver = rng.uniform(0, 0.03) * np.sin(2 * np.pi * rng.uniform(4, 12) * share * size / RATE)
        pitch = base * 2 ** (bend + shiver)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        strong = np.exp(rng.normal(0, 1, 14)) / np.arange(1, 15) ** rng.uniform(0, 1)
        cry = np.zeros(size)
        for k in range(1, 15):
            cry += np.where(k * pitch < _NYQUIST, strong[k - 1] * np.sin(k * phase), 0)
        cry = unit(cry) * np.sin(np.pi * share) ** rng.uniform(0.2, 0.8)
        cry += rng.uniform(0, 0.3) * rng.normal(size=size) * np.sin(np.pi * share)
        first, last = max(0, -at), min(size, n - at)
        if last > first:
            out[at + first : at + last] += cry[first:last]
        at += size + int(rng.uniform(0.05, 0.5) * RATE)
    return unit(out + 1e-3 * rng.normal(size=n))


LOOKALIKES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "low-battery": low_battery,
    "microwave": microwave,
    "phone": phone,
    "lorry": lorry,
    "kettle": kettle,
    "birds": birds,
    "clock": clock,
    "crying": crying,
}
# A vehicle's siren sweeps as a building's sounder does, so it is no background here.
OTHERS = {name: make for name, make in BACKGROUNDS.items() if name not in ("siren", "beeps")}


def background_clip(rng: np.random.Generator, n: int, name: str | None = None) -> np.ndarray:
    """Make a sound that is no alarm.

    Args:
        rng: Source of random choices.
        n: Length in samples.
        name: A key of LOOKALIKES. None draws a lookalike, a background, or nearly nothing.

    Returns:
        int16 array of shape (n,).
    """
    kind = rng.random()
    if name is None and kind < 0.04:
        return rng.normal(0, rng.uniform(0.3, 8), n).astype(np.int16)
    if name is None and kind < 0.55:
        names = rng.choice(list(OTHERS), int(rng.integers(1, 3)), replace=False)
        parts = [OTHERS[str(key)](rng, n) * 10 ** rng.uniform(-1, 0) for key in names]
        sound = unit(np.sum(parts, axis=0))
        if rng.random() < 0.3:  # it begins, or ends
            edge = int(rng.integers(0, n))
            sound[(slice(0, edge), slice(edge, n))[rng.integers(2)]] *= rng.uniform(0, 0.1)
    else:
        name = name or str(rng.choice(list(LOOKALIKES)))
        sound = LOOKALIKES[name](rng, n)
        sound = sound + 10 ** (rng.uniform(-30, 0) / 20) * OTHERS["noise"](rng, n)
    if rng.random() < 0.6:
        sound = room(rng, sound)
    return to_pcm(far(rng, sound), rng.uniform(-60, -9))


class Alarms(Generator):
    """The signals of many standards, and sounds that are mistaken for them."""

    labels: ClassVar[tuple[str, ...]] = (FIRE_ALARM, BACKGROUND)
    seconds: ClassVar[float] = 5.0
    scene_s: ClassVar[float] = 8.0  # a cycle takes up to 5.7 s
    about: ClassVar[str] = "Fire and carbon-monoxide alarms of many countries, and other sounds."

    def clip(self, rng: np.random.Generator, label: str, samples: int, part: str) -> np.ndarray:
        return (alarm_clip if label == FIRE_ALARM else background_clip)(rng, samples)

    def take(self, seed: int, number: int, word: str, label: str, samples: int) -> Take:
        """As every generator's, with the signal's name as note."""
        rng = np.random.default_rng((seed, number, *word.encode()))
        if word != FIRE_ALARM:
            return Take(self.clip(rng, word, samples, "train"))
        name = list(SIGNALS)[number % len(SIGNALS)]
        return Take(alarm_clip(rng, samples, name), note=name)
