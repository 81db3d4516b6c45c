"""The straight line that replaces two roundings is exact for every possible sum.

The generator proves it only at the steps; this test tries every sum.
"""

import numpy as np
import pytest

from otolith.compile.arithmetic import quantize_multiplier
from otolith.compile.cores.m0plus.requantize import FRACTION, Line, line, rescaled
from otolith.compile.graph import Array, Step


def step(real: list[float], bias: np.ndarray, zero_point: int, low: int, high: int) -> Step:
    pairs = [quantize_multiplier(r) for r in real]
    out = {
        "multiplier": Array("int32_t", np.array([m for m, _ in pairs], np.int64)),
        "shift": Array("int8_t", np.array([s for _, s in pairs])),
        "zero_point": zero_point,
        "low": low,
        "high": high,
    }
    settings = {"out": out, "bias": Array("int32_t", bias), "in_offset": 0}
    return Step("CONV_2D", "nn_conv_2d", "nn_conv_2d_t", settings, (0,), 1)


def outputs(exact: Line, channel: int, sums: np.ndarray) -> np.ndarray:
    """Evaluate the line as dot.h defines it, for sums without bias."""
    most, coarse, fine, start, *signs = exact.constants[channel]
    s = np.clip(sums + exact.first[channel], 0, most)
    value = s * coarse + ((s >> exact.narrow) * fine >> exact.fine) + start
    assert (s * coarse).max() < 2**32 and ((s >> exact.narrow) * fine).max() < 2**32
    if exact.signed:
        zero, less = signs
        value -= np.where(s < zero, less, 0)
    return (value >> FRACTION).astype(np.int8)


@pytest.mark.parametrize("seed", range(30))
def test_every_sum(seed):
    rng = np.random.default_rng(seed)
    channels, taps = 5, int(rng.integers(1, 80))
    weights = rng.integers(-127, 128, (channels, taps))
    spread = 74 * 74 * np.sqrt(taps)
    bias = rng.normal(0, spread, channels).astype(np.int64)
    real = (rng.uniform(20, 120) / spread * rng.uniform(0.2, 3, channels)).tolist()
    zero_point = int(rng.choice([-128, 127, 0, rng.integers(-128, 128)]))
    low, high = (zero_point if rng.random() < 0.5 else -128), int(rng.choice([127, 127, 100]))
    low, high = min(low, high), max(low, high)
    made = step(real, bias, zero_point, low, high)
    exact = line(made, weights)
    assert exact is not None
    out = made.settings["out"]
    for c in range(channels):
        reach = int(np.abs(weights[c]).sum() * 128)
        sums = np.arange(-reach, reach)
        expected = rescaled(sums + bias[c], out["multiplier"].values[c], out["shift"].values[c])
        expected = np.clip(expected + zero_point, low, high)
        possible = (sums >= -int(np.where(weights[c] > 0, 128, 127) @ np.abs(weights[c]))) & (
            sums <= int(np.where(weights[c] > 0, 127, 128) @ np.abs(weights[c]))
        )
        got = outputs(exact, c, sums)
        np.testing.assert_array_equal(got[possible], expected[possible])


def test_sums_that_may_wrap_have_no_line():
    made = step([0.5], np.array([2**30]), 0, -128, 127)
    assert line(made, np.ones((1, 1), np.int64)) is None
