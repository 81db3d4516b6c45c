"""The value that hidden features get."""

from __future__ import annotations

import numpy as np


def filling(values: np.ndarray, fill: str) -> int:
    """The mean of the window ("mean"), its lowest value ("floor"), or 0 ("zero")."""
    if fill == "zero":
        return 0
    return round(float(values.mean())) if fill == "mean" else int(values.min())
