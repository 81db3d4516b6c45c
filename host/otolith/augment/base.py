"""The base class of augmentations, and the types of their settings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

FULL = 32768.0  # int16 full scale
SILENT = 1e-5  # RMS at full scale 1: a third of the smallest int16 step


def between(low: float, high: float, least: float, most: float, whole: bool = False) -> Any:
    """A setting that is drawn uniformly from a range for each window.

    Args:
        low: Lower end of the default range.
        high: Upper end of the default range.
        least: Smallest value a spec may give.
        most: Largest value a spec may give.
        whole: Whether to draw whole numbers only, including `high`.
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
    """What augmentations can use besides the window.

    Attributes:
        classes: Names of the model's classes.
        backgrounds: float32 sounds at 16 kHz to mix in. Full scale is 1.
        unknown: Number of the class for all sounds of no other class. None: there is none.
        folders: Sounds in the format of `backgrounds`, by the folder that they were read from.
    """

    classes: list[str]
    backgrounds: list[np.ndarray] = field(default_factory=list)
    unknown: int | None = None
    folders: dict[str, list[np.ndarray]] = field(default_factory=dict)


@dataclass
class Take:
    """The state of one window while augmentations are applied to it.

    Attributes:
        rng: Source of random choices.
        stock: Sounds and classes that augmentations can use.
        label: Number of the window's class. An augmentation may change it.
        notes: The drawn values, by the name of the setting.
    """

    rng: np.random.Generator
    stock: Stock
    label: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    def number(self, name: str, between: tuple[float, float]) -> float:
        """Draws a number uniformly from a range and notes it."""
        value = float(self.rng.uniform(*between))
        self.notes[name] = value
        return value

    def whole(self, name: str, between: tuple[float, float]) -> int:
        """Draws a whole number from a range, including both ends, and notes it."""
        value = int(self.rng.integers(int(between[0]), int(between[1]) + 1))
        self.notes[name] = value
        return value


@dataclass(frozen=True)
class Augmentation:
    """The settings of one augmentation.

    Attributes:
        name: Name of its section in a spec, [augment.<name>].
        probability: Probability that it is applied to a window, 0 to 1.
    """

    name: ClassVar[str]
    probability: float = dataclasses.field(default=0.5, metadata={"limits": (0.0, 1.0)})

    def check(self, stock: Stock) -> None:
        """Checks that it can work with this stock.

        Raises:
            UserError: It can't. The message does not name the spec's file.
        """

    def reach_s(self) -> float:
        """Seconds of sound around a window that can be shifted or reverberate into it."""
        return 0.0

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        """Applies it to one window.

        Args:
            x: float32 samples at 16 kHz with full scale 1, or int32 features of shape (frames,
                bands) in the chip's steps.
            take: State of the window. Its random generator is the only source of randomness.

        Returns:
            A new array of the same shape. The pipeline clips it to the range of int16.
        """
        raise NotImplementedError


def rms(x: np.ndarray) -> float:
    """Root mean square, computed in double precision."""
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if len(x) else 0.0


def decibels(db: Any) -> Any:
    """Converts decibels to an amplitude factor. Accepts numbers and arrays."""
    return 10.0 ** (db / 20)
