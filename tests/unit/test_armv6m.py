"""The Cortex-M0+ versions of lib/features and lib/pdm give the same numbers as this computer."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pdm import loudest
from test_rfft import hann, our_kiss_energies, ours, rfft_points

from otolith.features import Quantizer, extract, logmel, preset, rfft
from otolith.features.emit import config_source
from otolith.features.native import features_library
from otolith.settings.features import front_end
from support.armv6m import Core
from support.pdm_stream import Stream
from support.soak import depth


@cache
def core(name):
    return Core(name)


def table(name, struct, *members):
    """A struct of a 16-bit number and pointers, in the core's memory."""
    pointers = [core(name).put(struct.members[member]) for member in members]
    return core(name).put(np.array([struct.members["points"], *pointers], "<u4"))


@pytest.mark.parametrize("kind", ["random", "ones", "zeros", "loudest", "opposite"])
def test_pdm_is_this_computers(kind):
    rng = np.random.default_rng(3)
    bits = {
        "random": rng.integers(0, 2, 64 * 200),
        "ones": np.ones(64 * 100),
        "zeros": np.zeros(64 * 100),
        "loudest": loudest(),
        "opposite": 1 - loudest(),
    }[kind].astype(np.uint8)
    expected = Stream().bytes(bits)
    c = core("pdm")
    c.free()
    state = c.put(np.zeros(16384, np.uint8))
    c.call("pdm_init", state)
    words = c.put(np.packbits(bits).view(">u4").astype("<u4"))
    pcm = c.put(np.zeros(len(expected) + 1, np.int16))
    at = 0
    for count in [1, 2, 3, 15, 16, 17, 5, 4] * 10:  # blocks of any length
        count = min(count, len(expected) - at)
        c.call("pdm_decimate_words", state, words + 8 * at, pcm + 2 * at, count)
        at += count
    c.call("pdm_decimate_words", state, words + 8 * at, pcm + 2 * at, len(expected) - at)
    np.testing.assert_array_equal(c.get(pcm, len(expected), np.int16), expected)
    if kind in ("loudest", "opposite"):
        assert abs(int(expected[-1])) >= 32767  # saturated


@settings(max_examples=depth(15, 300))
@given(st.integers(32, 512), st.integers(0, 2**32 - 1), st.sampled_from(["noise", "extremes"]))
def test_magnitudes_are_this_computers(length, seed, kind):
    points, rng = rfft_points(length), np.random.default_rng(seed)
    noise, extremes = rng.integers(-32768, 32768, points), rng.choice([-32768, 32767], points)
    samples = (noise if kind == "noise" else extremes).astype(np.int16)
    window = hann(points, length)
    c = core("features")
    c.free()
    fft = table("features", rfft.q15(points), "twiddles", "split", "order")
    out = c.put(np.zeros(points, np.int16))
    work = c.put(np.zeros(points + 1, np.uint32))
    c.call("rfft_q15_magnitudes", fft, c.put(window), c.put(samples), work, out)
    got = c.get(out, points // 2 + 1, np.int16)
    np.testing.assert_array_equal(got, ours(window, samples))


@settings(max_examples=depth(15, 300))
@given(st.sampled_from([16, 32, 64, 128, 256, 512]), st.integers(0, 2**32 - 1), st.booleans())
def test_energies_are_this_computers(points, seed, extreme):
    rng = np.random.default_rng(seed)
    noise, extremes = rng.integers(-500, 500, points), rng.choice([-32768, 32767], points)
    samples, shift = (extremes, 0) if extreme else (noise, 6)
    samples = samples.astype(np.int16)
    c = core("features")
    c.free()
    fft = table("features", logmel._fft(points)["fft"], "order", "twiddles", "split")
    energy = c.put(np.zeros(points // 2 + 1, np.uint32))
    work = c.put(np.zeros(points // 2, np.uint32))
    last = points // 2 + 1
    c.call("rfft_kiss_energies", fft, c.put(samples), shift, work, 0, last, energy)
    got = c.get(energy, last, np.uint32)
    np.testing.assert_array_equal(got, our_kiss_energies(samples, shift, 0, last))


@settings(max_examples=depth(75, 3000))
@given(st.integers(0, 2**30), st.integers(0, 30), st.integers(0, 2**52), st.integers(0, 40))
def test_roots_and_logarithms_are_this_computers(energy, shift, wide, down):
    lib = features_library()[1]
    x, wide = energy >> shift, wide >> down
    assert core("features").call("root_64", wide & 0xFFFFFFFF, wide >> 32) == lib.root_64(wide)
    got = core("features").call("log_q31_to_q7", x, 976842720)
    assert got == lib.log_q31_to_q7(x, 976842720) & 0xFFFFFFFF
    magnitude = x % 32768
    assert core("features").call("log2_q10", magnitude) == lib.log2_q10(magnitude)


ODD = {
    "window_size_ms": 25,
    "filterbank_n_channels": 61,
    "noise_reduction_smoothing_bits": 12,
    "noise_reduction_even_smoothing": 1.0,
    "noise_reduction_odd_smoothing": 0.0,
    "noise_reduction_min_signal_remaining": 1.0,
    "pcan_gain_bits": 24,
    "log_scale_shift": 10,
}
SHORT = {"window_size_ms": 8, "window_step_ms": 6, "filterbank_n_channels": 8}
SETTINGS = {
    "spectrogram": front_end(kind="spectrogram", frames=10),
    "mfcc": preset("keyword", compress="linear"),
    "micro_speech": preset("micro_speech"),
    "on_off": preset("on_off"),
    "odd": preset("micro_speech", fe=ODD),
    "8 ms": preset("micro_speech", fe=SHORT),
}


@pytest.mark.parametrize("name", list(SETTINGS))
def test_a_front_ends_frames_are_this_computers(name):
    source = config_source(SETTINGS[name], Quantizer(1, 1, 0))
    more = f"{source.includes}{source.source}const features_config_t *const config = &features;"
    rng = np.random.default_rng(6)
    parts = [
        rng.integers(-32768, 32768, 1600),
        np.where(np.arange(1600) // 7 % 2, 32767, -32768),
        rng.normal(0, 100, 1600),
        np.zeros(800),
        rng.normal(0, 3000, 1600) * np.geomspace(0.01, 5, 1600),
    ]
    pcm = np.clip(np.concatenate(parts), -32768, 32767).astype(np.int16)
    expected = extract(pcm, SETTINGS[name])
    c = Core("features", more)
    config = int(c.get(c.symbols["config"], 1, np.uint32)[0])
    out = c.put(np.zeros(expected.size, np.int16))
    assert c.call("features_extract", config, c.put(pcm), len(pcm), out, 0) == len(expected)
    got = c.get(out, expected.size, np.int16).reshape(expected.shape)
    np.testing.assert_array_equal(got, expected)
    assert len(np.unique(got)) > 50  # the values vary, so the comparison is meaningful
