"""Filters sounds by FFT."""

from __future__ import annotations

import functools

import numpy as np


@functools.cache
def fast_length(least: int) -> int:
    """The smallest length 2^a 3^b 5^c that is at least `least`. FFTs of such lengths are fast."""
    best = 1 << max(0, least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            two = three
            while two < least:
                two *= 2
            best = min(best, two)
            three *= 3
        five *= 5
    return best


def convolve(x: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Filters x with an impulse response. The result is float32 and as long as x."""
    length = fast_length(len(x) + len(response) - 1)
    product = np.fft.rfft(x, length) * np.fft.rfft(response, length)
    return np.fft.irfft(product, length)[: len(x)].astype(np.float32)
