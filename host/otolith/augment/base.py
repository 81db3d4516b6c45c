"""What an augmentation is: settings with ranges, and what it does to one window."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

FULL = 32768.0  # int16 full scale
SILENT = 1e-5  # rms, full scale is 1: a third of the smallest step


def between(low: float, high: float, least: float, most: float, whole: bool = False) -> Any:
    """A setting that is drawn evenly from a range for each window.

    Args:
        low: Lower end of the default range.
        high: Upper end of the default range.
        least: Smallest value a spec may give.
        most: Largest value a spec may give.
        whole: Whether only whole numbers are drawn, `high` included.
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
    """What augmentations may use.

    Attributes:
        classes: Names of the model's classes.
        backgrounds: float32 sounds at 16 kHz to mix in; full scale is 1.
        unknown: Number of the class for everything that is none of the others. None: there is none.
        folders: Sounds, as in `backgrounds`, by the folder they were read from.
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
        stock: What augmentations may use.
        label: Number of the window's class; an augmentation may change it.
        notes: The values that were drawn, by the name of their setting.
    """

    rng: np.random.Generator
    stock: Stock
    label: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    def number(self, name: str, between: tuple[float, float]) -> float:
        """Draw a number evenly from a range."""
        value = float(self.rng.uniform(*between))
        self.notes[name] = value
        return value

    def whole(self, name: str, between: tuple[float, float]) -> int:
        """Draw a whole number from a range, both ends included."""
        value = int(self.rng.integers(int(between[0]), int(between[1]) + 1))
        self.notes[name] = value
        return value


@dataclass(frozen=True)
class Augmentation:
    """The settings of one augmentation.

    Attributes:
        name: Its section in a spec is [augment.name].
        probability: Share of the windows it is applied to, 0 to 1.
    """

    name: ClassVar[str]
    probability: float = dataclasses.field(default=0.5, metadata={"limits": (0.0, 1.0)})

    def check(self, stock: Stock) -> None:
        """Raise UserError, without the name of a file, if it can't work with this stock."""

    def reach_s(self) -> float:
        """Seconds of sound around a window that can move or ring into it."""
        return 0.0

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        """Apply it to one window.

        Args:
            x: float32 samples at 16 kHz, where full scale is 1; or int32 features of shape (frames,
                bands), in the chip's steps.
            take: The state of the window, with the random generator to use.

        Returns:
            A new array of the same shape. The pipeline clips it to the range of int16.
        """
        raise NotImplementedError


def rms(x: np.ndarray) -> float:
    """Root of the mean square, in double precision."""
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if len(x) else 0.0


def decibels(db: Any) -> Any:
    """The amplitude factor of a number of decibels; takes numbers and arrays."""
    return 10.0 ** (db / 20)
