"""What an augmentation is: settings with ranges, and what it does with one window."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

FULL = 32768.0  # int16 full scale
SILENT = 1e-5  # rms, full scale is 1: a third of the smallest step


def between(low: float, high: float, least: float, most: float, whole: bool = False) -> Any:
    """A setting drawn evenly from low..high by default; both must lie in least..most.

    whole: of whole numbers, `high` included.
    """
    return field(default=(low, high), metadata={"limits": (least, most), "whole": whole})


def one_of(*names: str) -> Any:
    """A setting that is one of `names`, the first by default."""
    return field(default=names[0], metadata={"names": names})


def folder() -> Any:
    """A setting that names a folder of sounds, relative to $OTOLITH_DATA."""
    return field(default="", metadata={"folder": True})


@dataclass
class Stock:
    """What augmentations take from: float32 sounds, full scale is 1, and the classes' names.

    unknown: the number of the class for what is none of the others; None without one.
    folders: sounds by the folder they were read from.
    """

    classes: list[str]
    backgrounds: list[np.ndarray] = field(default_factory=list)
    unknown: int | None = None
    folders: dict[str, list[np.ndarray]] = field(default_factory=dict)


@dataclass
class Take:
    """One window on its way: its class, what may be drawn from, and what was drawn.

    notes: value by the name of the setting it was drawn for.
    """

    rng: np.random.Generator
    stock: Stock
    label: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    def number(self, name: str, between: tuple[float, float]) -> float:
        """Evenly from a range."""
        value = float(self.rng.uniform(*between))
        self.notes[name] = value
        return value

    def whole(self, name: str, between: tuple[float, float]) -> int:
        """A whole number from a range, both ends included."""
        value = int(self.rng.integers(int(between[0]), int(between[1]) + 1))
        self.notes[name] = value
        return value


@dataclass(frozen=True)
class Augmentation:
    """Settings of one augmentation. name: its section in the spec, [augment.name]."""

    name: ClassVar[str]
    probability: float = dataclasses.field(default=0.5, metadata={"limits": (0.0, 1.0)})

    def check(self, stock: Stock) -> None:
        """UserError, without a file's name, if it can't work with this stock."""

    def reach_s(self) -> float:
        """Seconds around a window that end up in it: worth giving it if the clip has them."""
        return 0.0

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        """A new array of the same shape.

        x: float32 samples at 16 kHz, full scale is 1; or features, int32 (frames, bands), in the
        chip's steps. What leaves the range of int16 is cut off at the end, by the pipeline.
        """
        raise NotImplementedError


def rms(x: np.ndarray) -> float:
    """Root of the mean square, in double precision."""
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if len(x) else 0.0


def decibels(db: Any) -> Any:
    """The factor of an amplitude; of numbers or arrays."""
    return 10.0 ** (db / 20)
