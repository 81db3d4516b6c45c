"""Mixes in a background sound at a random signal-to-noise ratio."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.augment.base import (
    SILENT,
    Augmentation,
    Stock,
    Take,
    between,
    decibels,
    folder,
    rms,
)
from otolith.errors import UserError

TRIES = 4  # attempts to find a piece that is not silent


@dataclass(frozen=True)
class Background(Augmentation):
    """snr_db: Mean power of the window relative to the background. A silent window gets the
    background at its original level. folder: Sounds to mix in besides the data's own backgrounds.
    """

    name: ClassVar[str] = "background"
    snr_db: tuple[float, float] = between(0, 20, -30, 90)
    folder: str = folder()

    def check(self, stock: Stock) -> None:
        if not self._sounds(stock):
            raise UserError(
                "[augment.background]: no background sounds: name a folder with them: "
                'folder = "..."'
            )

    def _sounds(self, stock: Stock) -> list[np.ndarray]:
        return stock.backgrounds + stock.folders.get(self.folder, [])

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        sounds = self._sounds(take.stock)
        ratio = take.number("snr_db", self.snr_db)
        for _ in range(TRIES):
            number = int(take.rng.integers(len(sounds)))
            sound = sounds[number]
            start = int(take.rng.integers(max(1, len(sound) - len(x) + 1)))
            piece = sound[start : start + len(x)]
            if len(piece) < len(x):
                piece = np.resize(piece, len(x))
            level = rms(piece)
            if level > SILENT:
                break
        else:
            take.notes["silent"] = True
            return x
        take.notes["sound"] = number
        signal = rms(x)
        if signal <= SILENT:
            del take.notes["snr_db"]
            return piece.astype(np.float32)
        return x + piece * np.float32(signal / level / decibels(ratio))
