"""Which layers get packed weights that are larger than the file's, if flash has no room for all.

A knapsack: each layer whose packing for speed takes more bytes than the one for size is an item.
It weighs these bytes, and is worth the cycles that it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from otolith.compile.graph import Program, Step

FILLED = 3 / 4  # of a board's flash may be filled
OTHERS = 128 << 10  # bytes of it that firmware besides constants may take
_UNIT = 64  # bytes, to which the knapsack rounds

Bytes = Callable[[Sequence[Program]], int]
Value = Callable[[Step, Step, Step], float]


def room_on(flash: int) -> int:
    """Bytes that a network's constants may take of a board's flash."""
    return max(0, int(FILLED * flash) - OTHERS)


def by_products(step: Step, fast: Step, small: Step) -> float:
    """Worth of a faster packing where no costs are known: the layer's products."""
    return float(step.macs)


def layers_to_leave(
    steps: Sequence[Step],
    fast: Sequence[Step],
    small: Sequence[Step],
    room: int,
    size: Bytes,
    value: Value = by_products,
) -> frozenset[int]:
    """Chooses the layers that keep the smaller packing.

    Args:
        steps: The layers, on portable kernels.
        fast: The same, packed for speed.
        small: The same, packed for size.
        room: Bytes for all constants.
        size: Bytes of the constants of some programs; equal ones count once.
        value: Cycles that a layer's packing for speed saves.

    Returns:
        Their output tensors.
    """
    if size([fast]) <= room:
        return frozenset()
    items = []
    for step, one, other in zip(steps, fast, small, strict=True):
        more, saved = size([[one]]) - size([[other]]), value(step, one, other)
        if more > 0:
            items.append((step.output, -(-more // _UNIT), max(0.0, saved)))
    left = max(0, (room - size([small])) // _UNIT)
    kept = _knapsack([(weight, worth) for _, weight, worth in items], left)
    return frozenset(items[n][0] for n in range(len(items)) if n not in kept)


def _knapsack(items: Sequence[tuple[int, float]], limit: int) -> set[int]:
    """The numbers of the items, of (weight, worth), that are worth most within `limit`."""
    best = np.zeros(limit + 1)
    taken = np.zeros((len(items), limit + 1), bool)
    for number, (weight, worth) in enumerate(items):
        if weight <= limit:
            with_it = np.full(limit + 1, -1.0)
            with_it[weight:] = best[: limit + 1 - weight] + worth
            taken[number] = with_it > best
            best = np.maximum(best, with_it)
    kept, left = set(), limit
    for number in range(len(items) - 1, -1, -1):
        if taken[number, left]:
            kept.add(number)
            left -= items[number][0]
    return kept
