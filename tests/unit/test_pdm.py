"""lib/pdm: frequency response, noise and exactness of the decimation, for bits generated here."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.paths import LIB
from support.pdm_stream import Stream
from support.soak import depth

RATE = 1_024_000


def taps(name):
    """Half of a symmetric filter, parsed from the C source."""
    text = (LIB / "pdm" / "src" / "pdm_taps.h").read_text()
    return np.array(re.findall(rf"#define PDM_{name}_\d+ (-?\d+)\n", text), np.int64)


BOXES = np.ones(1, np.int64)
for length in (16, 16, 15, 17):
    BOXES = np.convolve(BOXES, np.ones(length, np.int64))
MIDDLE = np.concatenate([taps("MIDDLE"), taps("MIDDLE")[-2::-1]])
HALF_BAND = np.zeros(63, np.int64)
HALF_BAND[0:32:2] = taps("LAST")
HALF_BAND += HALF_BAND[::-1]
HALF_BAND[31] = 4096


def reference(bits):
    """The filters as their comments define them, applied one after the other to the whole clip."""
    past = np.resize([0, 1], 64)  # silence as bits
    x = np.convolve(np.concatenate([past, bits]).astype(np.int64), BOXES)[64 + 15 : 64 + len(bits)]
    x = 2 * x[::16] - BOXES.sum()

    def down(x, taps, shift):
        full = np.convolve(np.concatenate([np.zeros(64, np.int64), x]), taps)[64 : 64 + len(x)]
        return (full[1::2] + (1 << shift >> 1)) >> shift

    z = down(down(x, MIDDLE, 14), HALF_BAND, 10)
    mean, pcm = 0, []
    for value in z.tolist():
        mean += value - (mean >> 9)
        pcm.append(max(-32768, min(32767, (value - (mean >> 9) + 8) >> 4)))
    return np.array(pcm, np.int16)


# Noise transfer function of order 4, zeros spread over 8 kHz, largest gain 1.4 (Schreier and Temes,
# Understanding Delta-Sigma Data Converters, ch. 4): numerator and denominator.
ZEROS = (1.0, -3.9979349269732207, 5.995870351520387, -3.997934926973221, 1.0)
POLES = (1.0, -3.3289337832003385, 4.202908388745493, -2.3803861964139377, 0.5096024595424209)


def modulate(signal):
    """Sigma-delta bits of a signal up to 0.7, by error feedback."""
    forward = [z - p for z, p in zip(ZEROS, POLES, strict=True)][1:]
    errors, shaped = [0.0] * 4, [0.0] * 4
    bits = np.empty(len(signal), np.uint8)
    for i, x in enumerate(signal):
        s = sum(
            c * e - p * w for c, e, p, w in zip(forward, errors, POLES[1:], shaped, strict=True)
        )
        bits[i] = x + s >= 0
        errors = [(1.0 if bits[i] else -1.0) - x - s, *errors[:3]]
        shaped = [s, *shaped[:3]]
    return bits


def tone(frequency, amplitude, seconds=0.3):
    t = np.arange(int(RATE * seconds)) / RATE
    return amplitude * np.sin(2 * np.pi * frequency * t)


def level_and_noise(pcm, frequency, skip=800):
    """Amplitude of the tone (1 = full scale), and RMS of everything else up to 8 kHz.

    The first `skip` samples are left out while the notch settles.
    """
    x = pcm[skip:].astype(float) / 32768
    t = np.arange(len(x)) / 16000
    basis = np.stack(
        [np.sin(2 * np.pi * frequency * t), np.cos(2 * np.pi * frequency * t), np.ones(len(t))], 1
    )
    fit, *_ = np.linalg.lstsq(basis, x, rcond=None)
    return np.hypot(*fit[:2]), np.sqrt(np.mean((x - basis @ fit) ** 2))


@pytest.mark.parametrize("frequency", [100, 1000])
def test_a_tone_keeps_its_level_and_80_db_over_the_noise(frequency):
    pcm = Stream().bytes(modulate(tone(frequency, 0.5, 0.6)))
    amplitude, noise = level_and_noise(pcm, frequency, skip=6400)
    snr = 20 * np.log10(amplitude / np.sqrt(2) / noise)
    print(f"{frequency} Hz: SNR {snr:.1f} dB")
    assert abs(20 * np.log10(amplitude / 0.5)) < 0.15
    assert snr >= 85  # the requirement is 80


def test_the_pass_band_is_flat_to_7_khz():
    gains = []
    for frequency in (50, 100, 300, 1000, 2500, 4000, 5000, 6000, 6500, 7000):
        amplitude, _ = level_and_noise(
            Stream().bytes(modulate(tone(frequency, 0.4, 0.15))), frequency
        )
        gains.append(20 * np.log10(amplitude / 0.4))
    print([f"{g:.2f}" for g in gains])
    assert max(map(abs, gains)) <= 0.5


@pytest.mark.parametrize("frequency", [9000, 10000, 12000, 15000, 57500, 64000 + 3000])
def test_what_lies_above_the_band_does_not_fold_into_it(frequency):
    pcm = Stream().bytes(modulate(tone(frequency, 0.4, 0.1)))[500:].astype(float)
    assert 20 * np.log10(np.std(pcm) / (0.4 * 32768 / np.sqrt(2))) < -58


def test_no_sum_leaves_32_bits():
    largest = BOXES.sum()
    assert largest < 2**16  # two sums share a word
    for filter_taps, shift in ((MIDDLE, 14), (HALF_BAND, 10)):
        assert largest * np.abs(filter_taps).sum() + (1 << shift) < 2**31
        largest = (largest * np.abs(filter_taps).sum() >> shift) + 1
    assert largest * 2**9 < 2**31  # the notch's mean


@pytest.mark.parametrize("kind", ["random", "ones", "zeros", "square", "silence"])
def test_every_sample_is_what_the_filters_say(kind):
    bits = {
        "random": np.random.default_rng(1).integers(0, 2, 64 * 700),
        "ones": np.ones(64 * 700),
        "zeros": np.zeros(64 * 700),
        "square": np.arange(64 * 700) // 517 % 2,
        "silence": np.arange(64 * 700) % 2,
    }[kind].astype(np.uint8)
    np.testing.assert_array_equal(Stream().bytes(bits), reference(bits))


def loudest():
    """Bits that match the sign of each filter tap, which gives the largest possible sample."""
    whole = np.zeros(16 * (2 * 62 + 10) + 61, np.int64)
    for i, a in enumerate(HALF_BAND):
        for k, b in enumerate(MIDDLE):
            whole[16 * (2 * i + k) :][: len(BOXES)] += a * b * BOXES
    assert np.abs(whole).sum() / whole.sum() > 1.3
    bits = (whole[::-1] > 0).astype(np.uint8)
    return np.concatenate([np.resize([0, 1], 64 * 40 - len(bits)), bits]).astype(np.uint8)


def test_the_loudest_bits_saturate_and_never_wrap():
    bits = loudest()
    for sign, data in ((1, bits), (-1, 1 - bits)):
        pcm = Stream().bytes(data)
        np.testing.assert_array_equal(pcm, reference(data))
        assert pcm[-1] == (32767 if sign > 0 else -32768)


def test_a_constant_offset_fades():
    pcm = Stream().bytes(modulate(np.full(RATE // 2, 0.2)))
    assert pcm[60:120].min() > 4000
    assert abs(pcm[-500:].mean()) < 10


@settings(max_examples=depth(15, 250))
@given(st.binary(min_size=8, max_size=400), st.lists(st.integers(1, 9), max_size=30))
def test_any_split_gives_the_same_samples(data, cuts):
    bits = np.unpackbits(np.frombuffer(data[: len(data) // 8 * 8], np.uint8))
    whole = Stream().bytes(bits)
    parts, at, stream = [], 0, Stream()
    for cut in [*cuts, len(bits)]:
        parts.append(stream.bytes(bits[at : at + 64 * cut]))
        at += 64 * cut
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(Stream().words(bits), whole)
