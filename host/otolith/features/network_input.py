"""int16 features as a network takes them: float32 in training, int8 on the chip.

Nothing else in this project converts between the three.
"""

from __future__ import annotations

import numpy as np

from otolith.features import input_quantizer, quantize
from otolith.settings.features import FrontEnd


def real_input(values: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Turns features into the input of a Keras network.

    Args:
        values: int16 (count, frames, bands), as the front end computes them.
        front_end: The front end that computed them.

    Returns:
        float32 (count, frames, bands, 1).
    """
    return (values * np.float32(front_end.step))[..., None]


def int8_input(
    values: np.ndarray, front_end: FrontEnd, scale: float, zero_point: int
) -> np.ndarray:
    """Turns features into the input of a quantised network, with the chip's arithmetic.

    Args:
        values: int16, any shape, as the front end computes them.
        front_end: The front end that computed them.
        scale: Scale of the network's input.
        zero_point: Zero point of the network's input.

    Returns:
        int8, the shape of `values`.

    Raises:
        UserError: The scale does not suit the front end.
    """
    return quantize(values, input_quantizer(front_end, scale, zero_point))
