"""lib/features' real FFTs against their references.

rfft_q15.c is compared with the cmsisdsp wheel's arm_rfft_q15 and arm_cmplx_mag_q15, rfft_kiss.c
with kissfft.
"""

import math
from functools import cache

import cmsisdsp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.features import logmel, mfcc, rfft
from otolith.features.native import features_library
from otolith.features.spectrogram import tables as spectrogram_tables
from otolith.features.tables import in_memory
from otolith.native import library
from otolith.native.sources import tflm_frontend
from otolith.paths import CMSIS_DSP
from support.root_check import library as root_check
from support.soak import depth

POINTS = (32, 64, 128, 256, 512)
TABLES = (CMSIS_DSP / "Source" / "CommonTables" / "arm_common_tables.c").read_text("utf-8-sig")


def unpacked(words):
    """Unpack words into pairs of int16."""
    return words.astype("<u4").view("<i2")


def hann(points, length):
    window = mfcc.hann(length) + [0.0] * (points - length)
    return np.array([min(32767, round(32768 * w)) for w in window], np.int16)


def ours(window, samples):
    ffi, lib = features_library()
    n = len(samples)
    fft, alive = in_memory(ffi, rfft.q15(n))
    words = [ffi.from_buffer("uint32_t[]", np.ascontiguousarray(a)) for a in (window, samples)]
    out, work = np.empty(n // 2 + 1, np.int16), np.empty(n + 1, np.uint32)
    lib.rfft_q15_magnitudes(
        fft, *words, ffi.from_buffer("uint32_t[]", work), ffi.from_buffer("int16_t[]", out)
    )
    del alive
    return out


def wheels(window, samples):
    n = len(samples)
    instance = cmsisdsp.arm_rfft_instance_q15()
    assert cmsisdsp.arm_rfft_init_q15(instance, n, 0, 1) == 0
    spectrum = cmsisdsp.arm_rfft_q15(instance, cmsisdsp.arm_mult_q15(samples, window))
    return cmsisdsp.arm_cmplx_mag_q15(spectrum[: n + 2])


def theirs(name):
    """A table from CMSIS-DSP's source, as rows of two."""
    body = TABLES.split(f" {name}[")[1].split("{")[1].split("}")[0].replace("(q15_t)", "")
    values = [int(v, 0) for v in body.split(",") if v.strip()]
    return np.array(values, np.uint16).view(np.int16).reshape(-1, 2)


@pytest.mark.parametrize("points", POINTS)
def test_the_tables_are_cmsis_dsps(points):
    n = points // 2
    members = rfft.q15(points).members
    twiddles = theirs(f"twiddleCoef_{n}_q15")
    radix_2 = twiddles[: n // 2] if n in (32, 128) else twiddles[:0]
    block, expected = n - len(radix_2), [radix_2]
    for size in (256, 128, 64, 32, 16, 8):
        if size <= block and (block // size) in (1, 4, 16):
            steps = np.arange(size // 4)[:, None] * [1, 2, 3] * (n // size)
            expected.append(twiddles[steps.ravel()])
    assert unpacked(members["twiddles"]).tolist() == np.concatenate(expected).ravel().tolist()

    a, b = (theirs(f"realCoef{name}Q15")[:: 8192 // points] for name in "AB")
    split = unpacked(members["split"]).reshape(-1, 2)
    bins = np.arange(1, n // 2)
    np.testing.assert_array_equal(split, np.stack([a[bins, 0], b[bins, 1]], 1))
    # the symmetries that rfft_q15.c relies on
    bins = np.arange(1, n)
    np.testing.assert_array_equal(a[bins, 1], -b[bins, 1])
    np.testing.assert_array_equal(a[n - bins, 0], a[bins, 0])
    np.testing.assert_array_equal(b[n - bins, 1], -b[bins, 1])
    sums = a[bins, 0].astype(int) + b[bins, 0]
    assert ((sums == 32768) | (bins == n // 2)).all()
    assert (a[n // 2].tolist(), b[n // 2].tolist()) == ([0, 0], [32767, 0])


def test_no_hann_window_can_make_a_sum_overflow():
    """Every window of mfcc and the spectrogram meets the conditions in rfft_q15.h."""
    windows = [hann(rfft_points(length), length) for length in range(32, 513)]
    for window in [*windows, unpacked(spectrogram_tables({}).members["window"])]:
        quarters = window.astype(int).reshape(4, -1).sum(0)
        assert window.min() >= 0 and quarters.max() <= 2 * 32768 + 2
        assert window.sum() <= len(window) * 16384 + 2


def rfft_points(length):
    return mfcc.fft_length(length)


def loudest(points, window):
    """For each bin, the samples that maximise its real part, its imaginary part, or both."""
    phases = 2 * np.pi * np.arange(points) * np.arange(points // 2 + 1)[:, None] / points
    for wave in (np.cos(phases), np.sin(phases), np.cos(phases - np.pi / 4)):
        for row in wave:
            yield np.where(row * window > 0, 32767, -32768).astype(np.int16)
            yield np.where(row * window > 0, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("length", [32, 50, 64, 100, 128, 200, 256, 257, 400, 480, 512])
def test_the_loudest_samples_give_what_the_wheel_gives(length):
    points = rfft_points(length)
    window = hann(points, length)
    for samples in [
        np.full(points, -32768, np.int16),
        np.full(points, 32767, np.int16),
        np.where(np.arange(points) % 2, 32767, -32768).astype(np.int16),
        *list(loudest(points, window))[:: max(1, points // 64)],
    ]:
        np.testing.assert_array_equal(ours(window, samples), wheels(window, samples))


@settings(max_examples=depth(37, 1500))
@given(st.data(), st.integers(32, 512))
def test_any_samples_give_what_the_wheel_gives(data, length):
    points = rfft_points(length)
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    kind = data.draw(st.sampled_from(["noise", "extremes", "sparse", "small"]))
    samples = {
        "noise": rng.integers(-32768, 32768, points),
        "extremes": rng.choice([-32768, 32767, 0, -1, 1], points),
        "sparse": rng.integers(-32768, 32768, points) * (rng.random(points) < 0.03),
        "small": rng.integers(-9, 10, points),
    }[kind].astype(np.int16)
    window = hann(points, length)
    np.testing.assert_array_equal(ours(window, samples), wheels(window, samples))


def test_magnitudes_are_the_definitions_near_every_square():
    check = root_check()
    for root in range(23171):
        square = 2 * root * root
        last = min(square + 40, 2**30)
        assert check.differences(max(0, square - 40), last) == 0


@pytest.mark.soak
def test_magnitudes_are_the_definitions_for_every_energy():
    assert root_check().differences(0, 2**30) == 0


@cache
def kissfft():
    """(ffi, lib) of kiss_fftr and its allocation function, for any length."""
    source = tflm_frontend()
    return library("kissfft", source.files, logmel.HEADERS, source.include, source.flags)


def kiss_energies(samples):
    """re^2 + im^2 of all bins, by kissfft."""
    ffi, lib = kissfft()
    need = ffi.new("size_t *", 1 << 14)
    memory = ffi.new("char[]", 1 << 14)
    state = lib.kiss_fftr_alloc(len(samples), 0, memory, need)
    out = np.zeros((len(samples) // 2 + 1, 2), np.int16)
    lib.kiss_fftr(
        state,
        ffi.from_buffer("int16_t[]", np.ascontiguousarray(samples)),
        ffi.cast("kiss_fft_cpx *", ffi.from_buffer(out)),
    )
    return (out.astype(np.int64) ** 2).sum(1)


def our_kiss_energies(samples, shift, first, last):
    ffi, lib = features_library()
    n = len(samples)
    tables, alive = in_memory(ffi, logmel._fft(n)["fft"])
    energy, work = np.zeros(n // 2 + 1, np.uint32), np.empty(n // 2, np.uint32)
    words = [ffi.from_buffer("uint32_t[]", a) for a in (np.ascontiguousarray(samples), work)]
    lib.rfft_kiss_energies(
        tables, words[0], shift, words[1], first, last, ffi.from_buffer("uint32_t[]", energy)
    )
    del alive
    return energy[first:last]


@settings(max_examples=depth(50, 2000))
@given(st.sampled_from([16, 32, 64, 128, 256, 512]), st.integers(0, 2**32 - 1), st.data())
def test_energies_are_kissffts_wrapping_included(points, seed, data):
    rng = np.random.default_rng(seed)
    level = data.draw(st.sampled_from([9, 3000, 32767]))
    kind = data.draw(st.sampled_from(["noise", "extremes", "tone"]))
    tone = 2 * np.pi * rng.integers(points) / points * np.arange(points)
    samples = {
        "noise": rng.integers(-level - 1, level + 1, points),
        "extremes": rng.choice([-32768, 32767], points),
        # two full-scale square waves, in the even and in the odd samples: sums wrap
        "tone": np.where(np.cos(tone + np.pi / 4 * (np.arange(points) % 2)) > 0, 32767, -32768),
    }[kind].astype(np.int16)
    shift = data.draw(st.integers(0, 15)) if kind == "noise" else 0
    first = data.draw(st.integers(0, points // 2))
    last = data.draw(st.integers(first + 1, points // 2 + 1))
    shifted = (samples.view(np.uint16) << shift).astype(np.uint16).view(np.int16)
    expected = kiss_energies(shifted)[first:last]
    np.testing.assert_array_equal(our_kiss_energies(samples, shift, first, last), expected)


ROOTS, NEAR = st.integers(2, 2**26), st.integers(-3, 3)


@settings(max_examples=depth(100, 4000))
@given(
    st.one_of(
        st.integers(0, 2**52),
        st.integers(0, 60000),
        st.builds(lambda root, by: root * root + by, ROOTS, NEAR),
        st.builds(lambda root, by: root * root + root + by, ROOTS, NEAR),
    )
)
def test_a_filters_root_is_rounded_as_tflms(x):
    root = math.isqrt(x)
    up = x - root * root > root and (x >= 2**32 or root != 0xFFFF)
    assert features_library()[1].root_64(x) == root + up


def test_a_filter_banks_uneven_shares_keep_their_sum():
    """Some bins' two shares are both rounded up, or both down, in TFLM."""
    weights, unweights = np.array([0, 1000, 4000, 7, 0, 0], "int16"), np.zeros(6, "int16")
    unweights[1:4] = [3097, 95, 4089]
    bank = logmel.packed_bank([(4, 0, 4), (0, 0, 1)], weights, unweights, 5, 8)
    assert bank["spans"].tolist() == [3, 0] and bank["weights"].tolist() == [1000, 4000, 7]
    assert bank["uneven"].tolist() == [0, 5, 1, 0, 6, -1, 0, 0, 0]
