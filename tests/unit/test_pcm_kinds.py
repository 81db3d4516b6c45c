"""Gain, ADC counts and I2S words: against numpy, by level, pass band and noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.pcm_kinds import from_counts, from_slots, gained, native
from support.soak import depth

SECOND = 16_000


def sine(hz, amplitude, samples, rate=16_000):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(samples) / rate)


def fit(pcm, hz):
    """(amplitude, SNR in dB) of a sine in pcm, by least squares."""
    t = 2 * np.pi * hz * np.arange(len(pcm)) / 16_000
    basis = np.stack([np.sin(t), np.cos(t), np.ones(len(t))], 1)
    found, *_ = np.linalg.lstsq(basis, pcm.astype(float), rcond=None)
    rest = pcm - basis @ found
    size = float(np.hypot(found[0], found[1]))
    return size, 10 * np.log10(size**2 / 2 / np.mean(rest**2))


@settings(deadline=None, max_examples=depth(20, 500))
@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=64), st.integers(-40, 60))
def test_a_gain_multiplies_and_saturates(values, db):
    pcm = np.array(values, np.int16)
    expected = np.clip(pcm * 10 ** (db / 20), -32768, 32767)
    # 0.1 dB, a step of rounding, and a step of the factor at low gains
    assert np.all(np.abs(gained(pcm, db) - expected) <= 1 + np.abs(expected) * 0.0116 + 4)


def test_a_gain_of_0_db_changes_nothing_and_factors_are_exact():
    pcm = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    np.testing.assert_array_equal(gained(pcm, 0), pcm)
    factors = [native()[1].pcm_gain_factor(db) / 4096 for db in range(-40, 61)]
    wrong = 20 * np.log10(factors) - np.arange(-40, 61)
    assert np.abs(wrong).max() < 0.1
    assert gained([20_000, -20_000], 24).tolist() == [32767, -32768]


# ---- ADC ----


def counts_of(signal, bias=1551):
    """A 12-bit converter's counts of a signal of full scale 1."""
    return np.clip(np.round(bias + 2048 * signal), 0, 4095).astype(np.uint16)


@pytest.mark.parametrize("hz", [100, 1000, 3000, 5000, 7000])
def test_counts_have_a_flat_pass_band_and_no_constant_part(hz):
    pcm = from_counts(counts_of(sine(hz, 0.5, 4 * SECOND, 64_000)))[SECOND // 2 :]
    size, _ = fit(pcm, hz)
    assert abs(20 * np.log10(size / 16384)) < 0.15  # dB
    assert abs(float(pcm.mean())) < 2


def test_counts_of_12_bits_give_the_snr_of_12_bits_at_64_khz():
    # 6.02 * 12 + 1.76 dB for full scale over 32 kHz, 6 dB less signal, 6 dB less noise in 8 kHz
    _, snr = fit(from_counts(counts_of(sine(997, 0.5, 4 * SECOND, 64_000)))[SECOND // 4 :], 997)
    assert 71 < snr < 76


def test_counts_of_16_bits_are_those_of_12_with_less_noise():
    sound = sine(997, 0.5, 4 * SECOND, 64_000)
    counts = np.round(30_000 + 32_768 * sound).astype(np.uint16)
    size, snr = fit(from_counts(counts, bits=16)[SECOND // 4 :], 997)
    assert abs(20 * np.log10(size / 16384)) < 0.15 and snr > 88  # 16 bits of PCM
    few = from_counts(counts >> 4)
    assert np.abs(few - from_counts(counts >> 4 << 4, bits=16).astype(int)).max() <= 1


def test_what_lies_above_the_pass_band_of_the_adc_is_attenuated():
    for hz in (9_500, 12_000, 20_000, 25_000):
        pcm = from_counts(counts_of(sine(hz, 0.5, 2 * SECOND, 64_000)))[SECOND // 4 :]
        assert np.abs(pcm).max() < 16384 * 10 ** (-55 / 20), hz


def test_the_bias_does_not_show_from_the_first_sample_on():
    assert np.abs(from_counts(np.full(2_000, 700))).max() <= 1


@settings(deadline=None, max_examples=depth(5, 100))
@given(st.lists(st.integers(1, 70), min_size=1, max_size=8), st.integers(0, 9))
def test_blocks_of_counts_follow_one_another_without_a_seam(blocks, seed):
    counts = np.random.default_rng(seed).integers(0, 4096, 4 * sum(blocks))
    np.testing.assert_array_equal(from_counts(counts, blocks), from_counts(counts))


# ---- I2S ----


def words_of(samples):
    """24 bits in the upper part of a word."""
    return (np.asarray(samples, np.int64) << 8 & 0xFFFFFFFF).astype(np.uint32)


def test_slots_of_24_bits_become_16_with_the_snr_of_16():
    x = np.round(sine(997, 2**22, 2 * SECOND))
    size, snr = fit(from_slots(words_of(x))[SECOND:], 997)
    assert abs(size - 2**14) < 20 and snr > 90
    late = words_of(x) >> np.uint32(1) | np.uint32(1 << 31)  # the last bit of the slot before
    np.testing.assert_array_equal(from_slots(late, late=1), from_slots(words_of(x)))


def test_slots_take_one_channel_and_drop_the_constant_part():
    left, right = np.round(sine(500, 2**20, SECOND)) + 2**18, np.round(sine(900, 2**20, SECOND))
    both = np.stack([words_of(left), words_of(right)], 1).ravel()
    heard = from_slots(both, stride=2)
    assert abs(fit(heard, 500)[0] - 2**12) < 20 and fit(heard, 900)[0] < 8
    assert abs(float(from_slots(both[1:], stride=2).mean())) < 2
    assert abs(float(heard[SECOND // 2 :].mean())) < 2


def test_a_gain_of_slots_keeps_low_bits_and_saturates():
    quiet = np.round(sine(997, 2**22 * 10 ** (-48 / 20), 2 * SECOND))
    size, snr = fit(from_slots(words_of(quiet), db=48)[SECOND:], 997)
    assert abs(20 * np.log10(size / 2**14)) < 0.15
    assert snr > 85  # 16 bits amplified would have 50 dB
    # nothing wraps to the other sign
    loud = from_slots(words_of([0, *([2**23 - 1] * 4), *([-(2**23)] * 4)]), db=30)
    assert loud[1:5].tolist() == [32767] * 4 and loud[5:].tolist() == [-32768] * 4
