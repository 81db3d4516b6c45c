"""Mixes sounds of two windows for between-class learning.

Source: Tokozume, Ushiku and Harada, "Learning from Between-class Examples for Deep Sound
Recognition" (arXiv 1711.10282). They add waveforms. Here, the energies of two magnitude
spectrograms are added, which equals that on average, because the phases of two sounds are
unrelated. So each batch has new mixtures and needs no new features.
"""

from __future__ import annotations

import numpy as np


def mix_sounds(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mixes windows so that each of the two is heard with its share.

    The quieter sound is amplified: a share of one half makes both equally loud.

    Args:
        first: float32 (count, ...): log2 of magnitudes.
        second: The sounds to mix in, same shape.
        share: (count,) above 0 and below 1: how much of `first` the mixture has.

    Returns:
        float32 log2 magnitudes of the mixtures, as loud as unrelated sounds are together.
    """
    axes = tuple(range(1, first.ndim))
    one, two = np.exp2(2 * first), np.exp2(2 * second)  # energies
    level_one, level_two = (np.sqrt(x.mean(axes)) + 1e-9 for x in (one, two))
    by_row = np.clip(share, 1e-3, 1 - 1e-3)
    gain = 1 / (1 + level_one / level_two * (1 - by_row) / by_row)
    gain = gain.astype(np.float32).reshape(-1, *(1,) * (first.ndim - 1))
    rest = 1 - gain
    mixed = (gain**2 * one + rest**2 * two) / (gain**2 + rest**2)
    return (0.5 * np.log2(np.maximum(mixed, 1))).astype(np.float32)
