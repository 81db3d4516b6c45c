"""The value of masked features."""

from __future__ import annotations

import numpy as np


def filling(values: np.ndarray, fill: str) -> int:
    """The window's mean for "mean", its lowest value for "floor", 0 for "zero"."""
    if fill == "zero":
        return 0
    return round(float(values.mean())) if fill == "mean" else int(values.min())
