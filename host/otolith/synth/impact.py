"""What a lock on a door hears: keys, knocks, bolts, and other struck things.

A struck body rings in its modes: decaying sines, after the short noise of the contact. Wood is low
and short, metal is high and long. A bolt slides with friction, then hits its stop twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.synth.acoustics import far, room, to_pcm
from otolith.synth.backgrounds import BACKGROUNDS, band, coloured, unit
from otolith.synth.base import UNKNOWN, Generator

TAIL = int(0.08 * RATE)  # of a blow that must be in a clip


@dataclass(frozen=True)
class Event:
    """A sound without a room: float samples, peak about 1, and the samples where something hits."""

    pcm: np.ndarray
    hits: list[int]


def struck(
    rng: np.random.Generator,
    modes: np.ndarray,
    decay_s: tuple[float, float],
    contact_s: float,
    contact: float,
) -> np.ndarray:
    """One blow. modes: Hz; decay_s: to -60 dB, of the lowest and of the highest; contact: level of
    the noise of contact_s."""
    low, high = decay_s
    length = int(1.2 * low * RATE)
    t = np.arange(length) / RATE
    out = np.zeros(length)
    for place, hertz in zip(np.linspace(0, 1, len(modes)), np.sort(modes), strict=True):
        decay = low * (high / low) ** place * rng.uniform(0.8, 1.25)
        level = rng.uniform(0.4, 1) / (1 + place)
        out += level * np.sin(2 * np.pi * hertz * t) * 10 ** (-3 * t / decay)
    burst = rng.normal(size=length) * np.exp(-t / contact_s)
    # a body takes only as quick a blow as its contact lasts
    smooth = np.hanning(max(3, int(contact_s * RATE / 4) | 1))
    out = out / np.abs(out).max() + contact * np.convolve(burst, smooth / smooth.sum(), "same")
    return out / np.abs(out).max()


def _sequence(blows: list[tuple[int, np.ndarray]]) -> Event:
    """Blows at samples."""
    out = np.zeros(max(at + len(blow) for at, blow in blows))
    for at, blow in blows:
        out[at : at + len(blow)] += blow
    return Event(out / np.abs(out).max(), [at for at, _ in blows])


def knocking(rng: np.random.Generator) -> Event:
    """Two to four knocks on wood: the same few low modes each time."""
    base = rng.uniform(90, 260)
    modes = base * np.cumprod([1, *rng.uniform(1.3, 1.9, rng.integers(2, 5))])
    decay, hard = rng.uniform(0.05, 0.14), rng.uniform(0.05, 0.5)
    pace, at, blows = rng.uniform(0.12, 0.28), 0, []
    for _ in range(rng.integers(2, 5)):
        blow = struck(rng, modes, (decay, decay * 0.3), rng.uniform(0.001, 0.003), hard)
        blows.append((at, blow * rng.uniform(0.6, 1)))
        at += int(pace * rng.uniform(0.85, 1.15) * RATE)
    return _sequence(blows)


def key_io(rng: np.random.Generator) -> Event:
    """A key goes into its hole, or out: the pins click by, the other keys on the ring rattle."""
    blows, at = [], 0
    pins = rng.uniform(2800, 5200, 3) * rng.uniform(0.9, 1.1)
    pace = rng.uniform(0.012, 0.035)
    for _ in range(rng.integers(5, 10)):
        decay = rng.uniform(0.006, 0.02)
        modes = pins * rng.uniform(0.95, 1.05, 3)
        blows.append(
            (at, rng.uniform(0.3, 1) * struck(rng, modes, (decay, decay / 2), 0.0004, 0.6))
        )
        at += int(pace * rng.uniform(0.5, 1.6) * RATE)
    for _ in range(rng.integers(2, 12)):
        modes = rng.uniform(3500, 7600, rng.integers(2, 6))
        decay = rng.uniform(0.03, 0.18)
        ring = struck(rng, modes, (decay, decay / 2), 0.0003, 0.3)
        blows.append((int(rng.uniform(0, 1.2 * at)), rng.uniform(0.1, 0.7) * ring))
    event = _sequence(sorted(blows, key=lambda b: b[0]))
    scrape = band(rng, len(event.pcm), 3000, 7600)
    scrape *= rng.uniform(0.01, 0.06) * np.hanning(len(scrape))
    return Event(event.pcm + scrape, event.hits)


def locking(rng: np.random.Generator) -> Event:
    """A bolt: slides, then hits its stop and bounces once. Heavy metal in a door."""
    slide = int(rng.uniform(0.06, 0.22) * RATE)
    low = rng.uniform(400, 900)
    friction = band(rng, slide, low, rng.uniform(2500, 5000))
    friction *= np.linspace(0.3, 1, slide) * rng.uniform(0.05, 0.2)
    thump = rng.uniform(120, 280) * np.array([1, rng.uniform(1.4, 1.9)])
    metal = rng.uniform(700, 1500) * np.cumprod([1, *rng.uniform(1.2, 1.6, 4)])
    modes = np.concatenate([thump, metal[metal < 6500]])
    decay = rng.uniform(0.05, 0.12)
    first = struck(rng, modes, (decay, decay * 0.6), 0.001, rng.uniform(0.3, 0.8))
    second = struck(rng, metal[metal < 6500], (decay * 0.6, decay * 0.3), 0.0008, 0.6)
    gap = int(rng.uniform(0.018, 0.055) * RATE)
    order = [first, second * rng.uniform(0.4, 0.9)]
    if rng.random() < 0.4:  # the latch springs first
        order.reverse()
    clack = _sequence([(slide, order[0]), (slide + gap, order[1])])
    out = clack.pcm
    out[:slide] += friction
    return Event(out, clack.hits)


def claps(rng: np.random.Generator) -> Event:
    """Hands: noise around a kilohertz, no modes."""
    blows, at, centre = [], 0, rng.uniform(700, 2200)
    for _ in range(rng.integers(1, 6)):
        length = int(rng.uniform(0.03, 0.08) * RATE)
        noise = band(rng, length, centre * 0.6, centre * 2)
        blows.append((at, noise * np.exp(-np.arange(length) / (length / 6))))
        at += int(rng.uniform(0.15, 0.6) * RATE)
    return _sequence(blows)


def steps(rng: np.random.Generator) -> Event:
    """Footsteps: a dull thump and a brush, at most about twice a second."""
    blows, at = [], 0
    for _ in range(rng.integers(1, 4)):
        thump = struck(rng, rng.uniform(45, 85, 2), (rng.uniform(0.06, 0.15), 0.05), 0.012, 0.4)
        brush = band(rng, len(thump), 500, 3000) * np.hanning(len(thump)) * rng.uniform(0.05, 0.3)
        blows.append((at, thump + brush))
        at += int(rng.uniform(0.4, 0.75) * RATE)
    return _sequence(blows)


def bump(rng: np.random.Generator) -> Event:
    """A door falls shut or something heavy falls: one low blow with a long rumble."""
    decay = rng.uniform(0.25, 0.6)
    thump = struck(rng, rng.uniform(35, 110, 3), (decay, decay / 2), 0.01, 0.7)
    rumble = band(rng, len(thump), 40, 250) * np.exp(-np.arange(len(thump)) / (0.15 * RATE))
    return _sequence([(0, thump + rng.uniform(0.1, 0.5) * rumble)])


def dishes(rng: np.random.Generator) -> Event:
    """Glass and china: one blow, few modes, a long ring."""
    decay = rng.uniform(0.25, 0.7)
    modes = rng.uniform(900, 2600) * np.cumprod([1, *rng.uniform(1.3, 1.9, 2)])
    return _sequence([(0, struck(rng, modes[modes < 7500], (decay, decay / 2), 0.0004, 0.2))])


def ticks(rng: np.random.Generator) -> Event:
    """A clock: clicks, a quarter of a second to a second apart."""
    modes = rng.uniform(1500, 6000, 2)
    blow = struck(rng, modes, (rng.uniform(0.008, 0.03), 0.008), 0.0004, 0.5)
    every = int(rng.choice([0.25, 0.5, 1.0]) * rng.uniform(0.9, 1.1) * RATE)
    return _sequence([(k * every, blow * rng.uniform(0.8, 1)) for k in range(rng.integers(1, 5))])


def crackle(rng: np.random.Generator) -> Event:
    """Fire, gravel, paper: clicks without a pitch, at random."""
    length = int(rng.uniform(0.3, 1.2) * RATE)
    out, hits = np.zeros(length + 800), []
    for at in np.sort(rng.integers(0, length, rng.integers(3, 50))):
        size = int(rng.uniform(8, 400))
        click = rng.normal(size=size) * np.exp(-np.arange(size) / (size / 5))
        out[at : at + size] += click * rng.exponential(0.4)
        hits.append(int(at))
    return Event(far(rng, out) / np.abs(out).max(), hits)


def chop(rng: np.random.Generator) -> Event:
    """Rotors and engines: low thumps faster than a hand knocks."""
    every = int(RATE / rng.uniform(8, 40))
    thump = struck(rng, rng.uniform(40, 400, 3), (rng.uniform(0.03, 0.12), 0.03), 0.006, 1.0)
    return _sequence([(k * every, thump * rng.uniform(0.7, 1)) for k in range(12)])


def bark(rng: np.random.Generator) -> Event:
    """Dogs, coughs, sneezes, calls: a voice or a rush of air that starts all at once."""
    length = int(rng.uniform(0.08, 0.5) * RATE)
    rush = band(rng, length, rng.uniform(200, 1500), rng.uniform(2500, 7500))
    sound = BACKGROUNDS["voice"](rng, length + 8000)
    loud = int(np.convolve(np.abs(sound), np.ones(800), "valid")[:8000].argmax())
    sound = unit(sound[loud : loud + length]) + rng.uniform(0, 1.5) * rush
    sound *= np.exp(-np.arange(length) / (length * rng.uniform(0.2, 0.6)))
    return Event(sound / np.abs(sound).max(), [0])


SOUNDS: dict[str, Callable[[np.random.Generator], Event]] = {
    "key_io": key_io,
    "knocking": knocking,
    "locking": locking,
}
OTHERS = (claps, steps, bump, dishes, ticks, crackle, chop, bark)
# noises.impacts are knocks of any pitch: nobody could tell
NOISES = [make for name, make in BACKGROUNDS.items() if name != "impacts"]


def place(rng: np.random.Generator, event: Event, n: int) -> np.ndarray:
    """Put an event into n samples.

    It is whole if it fits; else a blow and TAIL of its ringing are inside.
    """
    out = np.zeros(n)
    size = len(event.pcm)
    if size <= n:
        start = int(rng.integers(0, n - size + 1))
    else:
        hit = event.hits[rng.integers(len(event.hits))]
        start = int(rng.integers(0, max(1, n - TAIL))) - hit
    source, target = max(0, -start), max(0, start)
    piece = event.pcm[source : source + n - target]
    out[target : target + len(piece)] = piece
    return out


def _heard(rng: np.random.Generator, sound: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """In a room, over a background, at a distance; int16."""
    if rng.random() < 0.7:
        sound = room(rng, sound)
    sound = far(rng, sound)
    peak = np.abs(sound).max()
    level = 10 ** (rng.uniform(-34, -3) / 20)  # full scale is 1
    noise = level * 10 ** (rng.uniform(-60, -22) / 20)
    mixed = level * sound / max(peak, 1e-9) + noise * unit(behind)
    mixed += rng.normal(0, 10 ** (rng.uniform(-84, -66) / 20), len(mixed))  # the microphone's own
    return np.clip(np.round(32767 * mixed), -32768, 32767).astype(np.int16)


def impact_clip(rng: np.random.Generator, label: str, n: int) -> np.ndarray:
    """Make a clip of a class of SOUNDS, or of UNKNOWN: other blows, noises, next to nothing.

    Args:
        rng: Source of random choices.
        label: A key of SOUNDS, or UNKNOWN.
        n: Length in samples.

    Returns:
        int16 array of shape (n,).
    """
    if label != UNKNOWN:
        return _heard(rng, place(rng, SOUNDS[label](rng), n), coloured(rng, n))
    kind = rng.random()
    if kind < 0.08:
        return rng.normal(0, rng.uniform(0.5, 12), n).astype(np.int16)
    if kind < 0.55:
        other = OTHERS[rng.integers(len(OTHERS))](rng)
        return _heard(rng, place(rng, other, n), coloured(rng, n))
    make = BACKGROUNDS["speech"] if kind < 0.68 else NOISES[rng.integers(len(NOISES))]
    noise = far(rng, make(rng, n))
    if rng.random() < 0.3:  # it begins, or ends
        edge = int(rng.integers(0, n))
        noise[(slice(0, edge), slice(edge, n))[rng.integers(2)]] *= rng.uniform(0, 0.1)
    return to_pcm(noise, rng.uniform(-60, -12))


class Impact(Generator):
    """Keys, knocks and bolts, and other sounds as "unknown"."""

    labels: ClassVar[tuple[str, ...]] = (*SOUNDS, UNKNOWN)
    about: ClassVar[str] = "Keys, knocks and bolts on a door."

    def clip(self, rng: np.random.Generator, label: str, samples: int, part: str) -> np.ndarray:
        return impact_clip(rng, label, samples)
