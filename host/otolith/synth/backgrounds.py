"""Generated backgrounds: sounds of a kitchen, a street or a workshop, and beeps that are no alarms.

Every function takes a random generator and a length in samples, and returns float64 samples at
16 kHz with an RMS of about 1.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from otolith.audio import RATE


def unit(x: np.ndarray) -> np.ndarray:
    """Scale to an RMS of 1; silence stays silent."""
    rms = np.sqrt(np.mean(x * x))
    return x / rms if rms > 1e-12 else x


def coloured(rng: np.random.Generator, n: int, exponent: float | None = None) -> np.ndarray:
    """Noise with power falling as 1/f^exponent: 0 white, 1 pink, 2 brown."""
    exponent = rng.uniform(0, 2) if exponent is None else exponent
    spectrum = np.fft.rfft(rng.normal(size=n))
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20.0)
    return unit(np.fft.irfft(spectrum * f ** (-exponent / 2), n))


def band(rng: np.random.Generator, n: int, low: float, high: float) -> np.ndarray:
    """Noise between two frequencies (Hz)."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    f = np.fft.rfftfreq(n, 1 / RATE)
    return unit(np.fft.irfft(spectrum * ((f >= low) & (f <= high)), n))


def fan(rng: np.random.Generator, n: int) -> np.ndarray:
    """Hum with harmonics over a rush of air."""
    t = np.arange(n) / RATE
    base = rng.uniform(45, 240)
    hum = np.zeros(n)
    for k in range(1, 12):
        hum += rng.uniform(0.1, 1) / k * np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6))
    return unit(unit(hum) * rng.uniform(0.2, 1.5) + coloured(rng, n, 1.0))


def rain(rng: np.random.Generator, n: int) -> np.ndarray:
    """Many small drops."""
    drops = (rng.random(n) < rng.uniform(0.005, 0.08)) * rng.exponential(1, n)
    return unit(np.convolve(drops, np.exp(-np.arange(60) / 8) * rng.normal(size=60), "same"))


def impacts(rng: np.random.Generator, n: int) -> np.ndarray:
    """Knocks, clatter, footsteps: a few decaying resonances."""
    out = coloured(rng, n) * 0.02
    for _ in range(rng.integers(1, 9)):
        start, length = int(rng.integers(0, n)), int(rng.integers(400, 5000))
        t = np.arange(length) / RATE
        hit = np.zeros(length)
        for _ in range(rng.integers(1, 6)):
            hit += np.sin(2 * np.pi * rng.uniform(80, 6000) * t) * np.exp(-t * rng.uniform(15, 200))
        hit += rng.normal(size=length) * np.exp(-t * 120)
        piece = out[start : start + length]
        piece += hit[: len(piece)] * rng.uniform(0.3, 1)
    return unit(out)


def _harmonics(rng: np.random.Generator, pitch: np.ndarray) -> np.ndarray:
    """A voice-like tone whose frequency (Hz, one a sample) moves."""
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    slope = rng.uniform(0.5, 2.0)
    out = np.zeros(len(pitch))
    for k in range(1, 16):
        out += np.where(pitch * k < 7500, np.sin(k * phase + rng.uniform(0, 6)), 0) / k**slope
    return out


def voice(rng: np.random.Generator, n: int) -> np.ndarray:
    """Cries, calls, barks, crowing: gliding harmonic sounds with pauses."""
    out = np.zeros(n)
    at = int(rng.integers(0, 4000))
    base = rng.uniform(120, 1100)
    while at < n:
        length = int(rng.uniform(0.08, 0.9) * RATE)
        t = np.linspace(0, 1, length)
        glide = base * 2 ** (
            rng.uniform(-0.5, 0.5) * t
            + rng.uniform(0.05, 0.5) * np.sin(np.pi * t)
            + rng.uniform(0, 0.04) * np.sin(2 * np.pi * rng.uniform(4, 9) * t * length / RATE)
        )
        sound = _harmonics(rng, glide) * np.sin(np.pi * t) ** rng.uniform(0.2, 1)
        piece = out[at : at + length]
        piece += sound[: len(piece)]
        at += length + int(rng.uniform(0.05, 0.7) * RATE)
    return unit(_formants(rng, out) + 0.03 * rng.normal(size=n))


def _formants(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Two resonances, as in a throat. One of them may lie at an alarm's pitch."""
    f = np.fft.rfftfreq(len(x), 1 / RATE)
    gain = np.full(len(f), 0.1)
    for centre in (rng.uniform(300, 1200), rng.uniform(1000, 4500)):
        gain += 1 / (1 + ((f - centre) / rng.uniform(60, 400)) ** 2)
    return np.fft.irfft(np.fft.rfft(x) * gain, len(x))


def chirps(rng: np.random.Generator, n: int) -> np.ndarray:
    """Birds and whistles: short sweeps that never hold a pitch."""
    out = np.zeros(n)
    for _ in range(rng.integers(2, 14)):
        length = int(rng.uniform(0.03, 0.35) * RATE)
        start = int(rng.integers(0, n))
        f0, f1 = rng.uniform(1200, 7000, 2)
        if abs(f1 - f0) < 400:
            f1 = f0 + 400 * np.sign(f1 - f0 + 1e-9)
        t = np.linspace(0, 1, length)
        pitch = f0 + (f1 - f0) * t ** rng.uniform(0.5, 2)
        sound = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.hanning(length)
        piece = out[start : start + length]
        piece += sound[: len(piece)]
    return unit(out + 0.01 * rng.normal(size=n))


def music(rng: np.random.Generator, n: int) -> np.ndarray:
    """Chords that change."""
    out = np.zeros(n)
    at = 0
    root = rng.uniform(80, 400)
    while at < n:
        length = int(rng.uniform(0.12, 0.7) * RATE)
        t = np.arange(length) / RATE
        for step in rng.choice([0, 2, 3, 4, 5, 7, 9, 10, 12, 16, 19], rng.integers(2, 5)):
            pitch = root * 2 ** (step / 12)
            for k in range(1, 6):
                if pitch * k < 7500:
                    out[at : at + length] += (
                        np.sin(2 * np.pi * pitch * k * t[: n - at] + rng.uniform(0, 6))
                        * np.exp(-t[: n - at] * rng.uniform(0.5, 6))
                        / k**1.5
                    )
        at += length
    return unit(out)


def siren(rng: np.random.Generator, n: int) -> np.ndarray:
    """Vehicle sirens: a pitch that sweeps or alternates widely."""
    t = np.arange(n) / RATE
    rate, low, high = rng.uniform(0.2, 4), rng.uniform(350, 800), rng.uniform(1000, 2200)
    wave = np.sin(2 * np.pi * rate * t + rng.uniform(0, 6))
    if rng.random() < 0.4:
        wave = np.sign(wave)
    return unit(_harmonics(rng, low + (high - low) * (wave + 1) / 2))


def beeps(rng: np.random.Generator, n: int) -> np.ndarray:
    """Microwave ovens, phones, doorbells, keys: steady tones, but not an alarm's."""
    t = np.arange(n) / RATE
    pitch = 0.0
    # neither near 3.1 kHz nor near 520 Hz
    while not (600 < pitch < 2500 or 3800 < pitch < 7000 or 200 < pitch < 440):
        pitch = rng.uniform(200, 7000)
    tone: np.ndarray = np.sin(2 * np.pi * pitch * t)
    if rng.random() < 0.4:
        tone = np.sign(tone) * 0.6
    if rng.random() < 0.3:
        tone += np.sin(2 * np.pi * pitch * rng.uniform(1.1, 1.9) * t)
    on, off = rng.uniform(0.04, 0.8), rng.uniform(0.04, 1.0)
    out = tone * (((t + rng.uniform(0, 2)) % (on + off)) < on)
    return unit(out + 0.01 * rng.normal(size=n))


@functools.cache
def _spoken(sentence: str, voice_name: str, speed: int) -> np.ndarray:
    """espeak-ng's speech at 16 kHz."""
    import soundfile
    import soxr

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "speech.wav"
        command = ["espeak-ng", "-v", voice_name, "-s", str(speed), "-w", str(file), sentence]
        subprocess.run(command, check=True, capture_output=True)
        data, rate = soundfile.read(file)
    return soxr.resample(data, rate, RATE)


SENTENCES = (
    "could you pass me the salt please, and the bread",
    "the train to the coast leaves at seven thirty",
    "I told you that the kitchen window was open",
    "nine, eight, seven, six, five, four, three, two, one",
    "that smells good, what are you cooking tonight",
    "have you seen my keys, they were on the table",
)


def speech(rng: np.random.Generator, n: int) -> np.ndarray:
    """Talk by espeak-ng, or a harmonic voice if that is not installed."""
    if shutil.which("espeak-ng") is None:
        return voice(rng, n)
    sentence = SENTENCES[rng.integers(len(SENTENCES))]
    name = ("en", "en+f3", "en+m4", "en-us+f2")[rng.integers(4)]
    spoken = _spoken(sentence, name, int(rng.choice([130, 165, 200])))
    start = int(rng.integers(0, max(1, len(spoken) - n // 2)))
    out = np.zeros(n)
    piece = spoken[start : start + n]
    out[: len(piece)] = piece
    return unit(out + 1e-4 * rng.normal(size=n))


def hiss(rng: np.random.Generator, n: int) -> np.ndarray:
    """Water, gas, wind: a band of noise that swells."""
    low = rng.uniform(50, 3000)
    swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.1, 3) * np.arange(n) / RATE)
    return unit(band(rng, n, low, low + rng.uniform(500, 5000)) * swell)


BACKGROUNDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "noise": coloured,
    "fan": fan,
    "rain": rain,
    "impacts": impacts,
    "voice": voice,
    "chirps": chirps,
    "music": music,
    "siren": siren,
    "beeps": beeps,
    "speech": speech,
    "hiss": hiss,
}


# Voices and beeps are what an alarm is mistaken for: they come more often.
WEIGHTS = {"voice": 3.0, "beeps": 2.0}


def background(rng: np.random.Generator, n: int) -> np.ndarray:
    """One or two kinds of background, rms 1."""
    weights = np.array([WEIGHTS.get(name, 1.0) for name in BACKGROUNDS])
    count = int(rng.integers(1, 3))
    names = rng.choice(list(BACKGROUNDS), count, replace=False, p=weights / weights.sum())
    parts = [BACKGROUNDS[name](rng, n) * 10 ** rng.uniform(-1, 0) for name in names]
    return unit(np.sum(parts, axis=0))
