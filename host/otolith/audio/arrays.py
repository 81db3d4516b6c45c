"""Types of the arrays that hold samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]  # one channel at RATE; full scale is 32768
Samples = NDArray[np.float64]  # full scale is 1
Levels = NDArray[np.floating[Any]]  # dB
