"""The straight line that replaces two roundings is exact for every possible sum.

The generator proves it only at the steps; this test tries every sum.
"""

import numpy as np
import pytest

from otolith.compile.arithmetic import quantize_multiplier
from otolith.compile.cores.dsp.line import LINE
from otolith.compile.cores.dsp.line import line as dsp_line
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
    product = (s >> exact.narrow) * fine
    if exact.wide:
        rest = (s & ((1 << exact.narrow) - 1)) * fine
        assert rest.max() < 2**32
        product += rest >> exact.narrow
    value = s * coarse + (product >> exact.fine) + start
    assert (s * coarse).max() < 2**32 and product.max() < 2**32
    if exact.signed:
        zero, less = signs
        value -= np.where(s < zero, less, 0)
    return (value >> FRACTION).astype(np.int8)


def layer(seed: int) -> tuple[Step, np.ndarray]:
    """A layer and its weights [5][taps]."""
    rng = np.random.default_rng(seed)
    channels, taps = 5, int(rng.integers(1, 80))
    weights = rng.integers(-127, 128, (channels, taps))
    spread = 74 * 74 * np.sqrt(taps)
    bias = rng.normal(0, spread, channels).astype(np.int64)
    real = (rng.uniform(20, 120) / spread * rng.uniform(0.2, 3, channels)).tolist()
    zero_point = int(rng.choice([-128, 127, 0, rng.integers(-128, 128)]))
    low, high = (zero_point if rng.random() < 0.5 else -128), int(rng.choice([127, 127, 100]))
    low, high = min(low, high), max(low, high)
    return step(real, bias, zero_point, low, high), weights


def every_sum(made: Step, weights: np.ndarray, channel: int) -> tuple[np.ndarray, np.ndarray]:
    """All sums of a channel, without bias, and TFLite's outputs."""
    out, bias = made.settings["out"], made.settings["bias"].values[channel]
    w = weights[channel]
    most = int(np.where(w > 0, 127, 128) @ np.abs(w))
    sums = np.arange(-int(np.where(w > 0, 128, 127) @ np.abs(w)), most + 1)
    scaled = rescaled(sums + bias, *(out[k].values[channel] for k in ("multiplier", "shift")))
    return sums, np.clip(scaled + out["zero_point"], out["low"], out["high"])


@pytest.mark.parametrize("seed", range(20))
def test_every_sum(seed):
    made, weights = layer(seed)
    exact = line(made, weights)
    assert exact is not None
    for c in range(len(weights)):
        sums, expected = every_sum(made, weights, c)
        np.testing.assert_array_equal(outputs(exact, c, sums), expected)


def test_every_sum_of_two_instructions():
    """SMMUL and SSAT (lib/nn/src/cores/dsp/line.h). Where no negative sum matters, most layers have
    a line."""
    found = 0
    for seed in range(16):
        made, weights = layer(seed)
        exact = dsp_line(made, weights)
        if exact is None:
            continue
        found += 1
        for c, (start, slope) in enumerate(exact.out["channels"].values[: len(weights)]):
            sums, expected = every_sum(made, weights, c)
            twice = (sums << exact.power[c]) + start
            assert np.abs(twice).max() < 2**31
            got = np.clip(twice * slope >> (32 + LINE), -128, 127)
            got = np.clip(got, exact.out["low"], exact.out["high"])
            np.testing.assert_array_equal(got, expected)
    assert found >= 6


def test_wide_lines_are_exact_where_others_are_not():
    """Wide layers have many sums a step, and a line needs a finer slope."""
    rng = np.random.default_rng(5)
    channels, taps = 24, 640
    weights = rng.integers(-127, 128, (channels, taps))
    real = rng.uniform(1.2, 2.0, channels) * 2.0**-14
    made = step(real.tolist(), np.zeros(channels, np.int64), 95, -128, 127)
    assert line(made, weights) is None
    exact = line(made, weights, wide=True)
    assert exact is not None and exact.wide
    out = made.settings["out"]
    for c in range(channels):
        reach = int(np.abs(weights[c]).sum() * 127)
        near = np.arange(-reach, reach)
        expected = rescaled(near, out["multiplier"].values[c], out["shift"].values[c])
        expected = np.clip(expected + 95, -128, 127)
        np.testing.assert_array_equal(outputs(exact, c, near), expected)


def test_sums_that_may_wrap_have_no_line():
    made = step([0.5], np.array([2**30]), 0, -128, 127)
    assert line(made, np.ones((1, 1), np.int64)) is None
