"""Cuts sounds to a part that counts as "unknown", so networks learn to wait for the whole sound."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from otolith.audio import RATE
from otolith.augment.base import Augmentation, Stock, Take, between, one_of
from otolith.augment.fill import filler
from otolith.errors import UserError

FRAME = 160  # samples: 10 ms
BELOW = 10 ** (-25 / 10)  # relative to the loudest frame's power: bounds of the sound
FADE = 80  # samples: avoids a click at the cut


def extent(x: np.ndarray) -> tuple[int, int]:
    """Finds the part of a sound from the first to the last frame near the loudest one.

    Args:
        x: float samples at 16 kHz.

    Returns:
        First sample and end (exclusive). Frames count if they are within 25 dB of the loudest
        10 ms.
    """
    frames = len(x) // FRAME
    if not frames:
        return 0, len(x)
    rows = x[: frames * FRAME].reshape(frames, FRAME)
    power = np.einsum("ij,ij->i", rows, rows)
    loud = np.flatnonzero(power >= power.max() * BELOW)
    return int(loud[0]) * FRAME, int(loud[-1] + 1) * FRAME


@dataclass(frozen=True)
class Crop(Augmentation):
    """classes: Classes whose sounds are cut and then count as "unknown". keep_percent: Share of the
    sound's length to keep, either its beginning or its end.
    """

    name: ClassVar[str] = "crop"
    classes: list[str] = field(default_factory=list)
    keep_percent: tuple[float, float] = between(20, 50, 1, 95)
    fill: str = one_of("floor", "silence")

    def check(self, stock: Stock) -> None:
        where = "[augment.crop]"
        if not self.classes:
            raise UserError(f"{where} lacks classes = [...]: those whose parts are unknown")
        for name in self.classes:
            if name not in stock.classes:
                raise UserError(f"{where} classes: {name} is no class of the model")
        if stock.unknown is None:
            raise UserError(f"{where}: the model has no class for unknown sounds")
        if stock.classes[stock.unknown] in self.classes:
            raise UserError(
                f"{where} classes: {stock.classes[stock.unknown]} is the unknown class itself"
            )

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        if take.stock.classes[take.label] not in self.classes or take.stock.unknown is None:
            return x
        start, end = extent(x)
        share = take.number("keep_percent", self.keep_percent) / 100
        keep = max(FADE, round((end - start) * share))
        ending = bool(take.rng.integers(2))
        take.notes["kept"] = "end" if ending else "start"
        gain = np.zeros(len(x), np.float32)
        ramp = np.linspace(0, 1, FADE, dtype=np.float32)
        if ending:
            gain[max(0, end - keep) :] = 1
            cut = gain[max(0, end - keep) :][:FADE]
            cut *= ramp[: len(cut)]
        else:
            gain[: start + keep] = 1
            cut = gain[: start + keep][-FADE:]
            cut *= ramp[::-1][-len(cut) :]
        take.label = take.stock.unknown
        take.notes["ms"] = keep * 1000 // RATE
        return x * gain + filler(x, len(x), self.fill, take.rng) * (1 - gain)
