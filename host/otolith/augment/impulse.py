"""Convolves with impulse responses of rooms or devices from a folder."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from otolith.augment.base import Augmentation, Stock, Take, folder, rms
from otolith.augment.convolve import convolve
from otolith.errors import UserError


@dataclass(frozen=True)
class ImpulseResponse(Augmentation):
    """The response starts at its highest peak, so the sound is not delayed. The level stays."""

    name: ClassVar[str] = "impulse_response"
    folder: str = folder()

    def check(self, stock: Stock) -> None:
        if not self.folder:
            raise UserError('[augment.impulse_response] lacks folder = "..." of sound files')

    def apply(self, x: np.ndarray, take: Take) -> np.ndarray:
        responses = take.stock.folders[self.folder]
        number = int(take.rng.integers(len(responses)))
        take.notes["response"] = number
        response = responses[number]
        start = int(np.abs(response).argmax())
        wet = convolve(x, response[start : start + len(x)])
        level = rms(wet)
        return wet * np.float32(rms(x) / level) if level > 0 else x
