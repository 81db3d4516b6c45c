"""Simulates a room: early reflections by the image-source method, then a decaying tail.

Image sources: Allen and Berkley, "Image method for efficiently simulating small-room acoustics",
1979. Eyring's formula gives the walls' reflection factor from the reverberation time. The energy of
the diffuse field, 16 pi d^2 / A relative to the direct sound, gives the level of the tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.augment.base import Augmentation, Take, between, rms
from otolith.augment.convolve import convolve

SOUND = 343.0  # m/s
ORDER = 3  # mirrored rooms in each direction
MARGIN = 0.2  # m: least distance of microphone and source from the walls
MIXED = 0.05  # s: only the tail is left from here on
DECAY = 6 * np.log(10)  # energy decay over one reverberation time, 60 dB

# Image sources along one axis are at 2 k L + s and 2 k L - s. Bounces: reflections on the way.
_SHIFTS = np.repeat(np.arange(-ORDER, ORDER + 1), 2)
_SIGNS = np.tile([1, -1], 2 * ORDER + 1)
_BOUNCES = np.abs(2 * _SHIFTS - (_SIGNS < 0))


def impulse_response(
    rng: np.random.Generator, rt60_s: float, distance_m: float, size_m: np.ndarray
) -> np.ndarray:
    """Simulates the impulse response of a shoebox room.

    Args:
        rng: Source of randomness.
        rt60_s: Reverberation time in seconds.
        distance_m: Distance from source to microphone in metres. Limited by the room's diagonal.
        size_m: Length, width and height in metres.

    Returns:
        float32 response at 16 kHz. Its first sample is the direct sound, 1.
    """
    size = np.asarray(size_m, float)
    microphone, source = _places(rng, distance_m, size)
    distance = float(np.linalg.norm(source - microphone))
    volume = size.prod()
    surface = 2 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    reflection = np.exp(-0.161 * volume / (surface * rt60_s) / 2)
    response = np.zeros(max(2, round(rt60_s * RATE)), np.float64)

    along = 2 * _SHIFTS * size[:, None] + _SIGNS * source[:, None] - microphone[:, None]
    squares = along**2
    far = np.sqrt(squares[0][:, None, None] + squares[1][:, None] + squares[2])
    bounces = _BOUNCES[:, None, None] + _BOUNCES[:, None] + _BOUNCES
    late = (far.ravel() - distance) / SOUND
    # Later, image sources are missing.
    mixed = min(MIXED, max(0.005, ((2 * ORDER - 1) * size.min() - distance) / SOUND))
    near = late < min(mixed, len(response) / RATE - 1 / RATE)
    place = np.round(late[near] * RATE).astype(int)
    level = reflection ** bounces.ravel()[near] * distance / far.ravel()[near]
    # Cross-fade of energy: the images fade out as the tail fades in.
    share = np.clip(late[near] / mixed * 2 - 1, 0, 1)
    np.add.at(response, place, level * np.sqrt(1 - share))

    t = np.arange(len(response)) / RATE
    absorbing = 0.161 * volume / rt60_s
    energy = 16 * np.pi * distance**2 / absorbing * DECAY / (rt60_s * RATE)
    tail = np.sqrt(energy * np.exp(-DECAY * (t + distance / SOUND) / rt60_s))
    tail *= np.sqrt(np.clip(t / mixed * 2 - 1, 0, 1))
    response += tail * rng.standard_normal(len(t))
    return (response / response[0]).astype(np.float32)


def _places(
    rng: np.random.Generator, distance: float, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draws positions of microphone and source, `distance` apart if the room is large enough."""
    low, high = np.full(3, MARGIN), size - MARGIN
    for _ in range(20):
        microphone = rng.uniform(low, high)
        way = rng.normal(size=3)
        source = microphone + way / np.linalg.norm(way) * distance
        if np.all((source >= low) & (source <= high)):
            return microphone, source
    corner = high - low
    return low, low + corner * min(1.0, distance / float(np.linalg.norm(corner)))


@dataclass(frozen=True)
class Room(Augmentation):
    """size_m: Length and width, drawn separately. The height is 2.3 to 3.5 m. The level stays."""

    name: ClassVar[str] = "room"
    rt60_s: tuple[float, float] = between(0.1, 0.6, 0.03, 5)
    distance_m: tuple[float, float] = between(0.3, 3, 0.05, 30)
    size_m: tuple[float, float] = between(2.5, 8, 1, 50)

    def reach_s(self) -> float:
        return self.rt60_s[1] / 2  # 30 dB down

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        rt60 = take.number("rt60_s", self.rt60_s)
        distance = take.number("distance_m", self.distance_m)
        size = [take.rng.uniform(*self.size_m) for _ in range(2)] + [take.rng.uniform(2.3, 3.5)]
        wet = convolve(x, impulse_response(take.rng, rt60, distance, np.array(size)))
        level = rms(wet)
        return wet * np.float32(rms(x) / level) if level > 0 else x
