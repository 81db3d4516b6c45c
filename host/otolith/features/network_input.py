"""int16 features as a network takes them: float32 in training, int8 on the chip.

Nothing else in this project converts between the three.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from otolith.features import input_quantizer, quantize, step


def real_input(values: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
    """Turns features into the input of a Keras network.

    Args:
        values: int16 (count, frames, bands), as the front end computes them.
        settings: The front end's settings.

    Returns:
        float32 (count, frames, bands, 1).
    """
    return (values * np.float32(step(settings)))[..., None]


def int8_input(
    values: np.ndarray, settings: dict[str, Any], scale: float, zero_point: int
) -> np.ndarray:
    """Turns features into the input of a quantised network, with the chip's arithmetic.

    Args:
        values: int16, any shape, as the front end computes them.
        settings: The front end's settings.
        scale: Scale of the network's input.
        zero_point: Zero point of the network's input.

    Returns:
        int8, the shape of `values`.

    Raises:
        UserError: The scale does not suit the front end.
    """
    return quantize(values, input_quantizer(settings, scale, zero_point))
