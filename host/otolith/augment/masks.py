"""What masked features are set to."""

from __future__ import annotations

import numpy as np


def filling(values: np.ndarray, fill: str) -> int:
    """The "mean" of the window, its lowest value ("floor"), or "zero"."""
    if fill == "zero":
        return 0
    return round(float(values.mean())) if fill == "mean" else int(values.min())
