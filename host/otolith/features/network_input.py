"""Converts int16 features to a network's input: float32 in training, int8 on the chip.

No other module converts between these three.
"""

from __future__ import annotations

import numpy as np

from otolith.features import input_quantizer, quantize
from otolith.settings.features import FrontEnd


def real_input(values: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Converts features to the input of a Keras network.

    Args:
        values: int16 features of shape (count, frames, bands).
        front_end: The front end that computed them.

    Returns:
        float32 array of shape (count, frames, bands, 1).
    """
    return (values * np.float32(front_end.step))[..., None]


def int8_input(
    values: np.ndarray, front_end: FrontEnd, scale: float, zero_point: int
) -> np.ndarray:
    """Converts features to the input of a quantised network, with the chip's arithmetic.

    Args:
        values: int16 features of any shape.
        front_end: The front end that computed them.
        scale: Scale of the network's input.
        zero_point: Zero point of the network's input.

    Returns:
        int8 array with the shape of `values`.

    Raises:
        UserError: The scale does not suit the front end.
    """
    return quantize(values, input_quantizer(front_end, scale, zero_point))
