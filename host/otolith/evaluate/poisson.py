"""How sure a count of rare events makes of their rate: exact limits of the Poisson distribution."""

from __future__ import annotations

import numpy as np


def _at_most(count: int, mean: float) -> float:
    """The chance of `count` events or fewer where `mean` are expected."""
    if count < 0:
        return 0.0
    if mean <= 0:
        return 1.0
    k = np.arange(count + 1)
    log_factorial = np.cumsum(np.log(np.maximum(k, 1)))
    return float(np.exp(k * np.log(mean) - mean - log_factorial).sum())


def _mean_where(count: int, chance: float) -> float:
    """The mean for which `count` events or fewer have this chance."""
    low, high = 0.0, 3.0 * max(count, 0) + 10
    for _ in range(60):
        mean = (low + high) / 2
        low, high = (mean, high) if _at_most(count, mean) > chance else (low, mean)
    return high


def false_alarms_at_most(count: int, hours: float) -> float:
    """Upper 95 % confidence limit of a rate of false alarms, one-sided.

    An hour without any gives three an hour.

    Args:
        count: False alarms.
        hours: How long the network listened.
    """
    return _mean_where(count, 0.05) / hours


def interval(count: int, hours: float) -> tuple[float, float]:
    """The 95 % confidence interval of a rate (Garwood 1936): 0 in an hour gives 0 to 3.69.

    Args:
        count: Events.
        hours: In how long.

    Returns:
        The lowest and the highest rate an hour.
    """
    low = 0.0 if count == 0 else _mean_where(count - 1, 0.975)
    return low / hours, _mean_where(count, 0.025) / hours


def hours_needed(rate: float) -> float:
    """Hours without a false alarm that show, with 95 % confidence, that there are fewer than
    `rate` an hour."""
    return false_alarms_at_most(0, 1.0) / rate
