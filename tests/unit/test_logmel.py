"""Front end logmel against its references.

These are the pymicro-features wheel, its C++ sources for other settings, and the definitions of
MLTK's additions.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymicro_features import MicroFrontend

from otolith.compile.metadata import read_metadata
from otolith.errors import UserError
from otolith.features import (
    TFLM_INPUT,
    activity,
    extract,
    input_quantizer,
    preset,
    quantize,
)
from otolith.settings.fields import settings_of
from otolith.settings.front_ends.logmel import Fe
from support import sounds, tflm_frontend
from support.front_end_model import network
from support.front_ends import changed, told, with_metadata
from support.skips import recordings
from support.soak import depth

# the wheel's fixed configuration: micro_speech with a 10 ms step
WHEEL = preset("micro_speech", fe={"window_step_ms": 10})
STEP = 0.0390625  # the wheel multiplies TFLM's integers by this


def wheel(pcm):
    """The integers behind the wheel's floats, for input in pieces of 10 ms."""
    front_end, frames, raw, at = MicroFrontend(), [], pcm.tobytes(), 0
    while at + 320 <= len(raw):
        out = front_end.process_samples(raw[at : at + 320])
        at += 2 * out.samples_read
        if out.features:
            frames.append(out.features)
    return np.round(np.array(frames) / STEP).astype(int).reshape(-1, 40)


def plain(name, **fe):
    """A preset without MLTK's additions to TFLM."""
    off = {"dc_notch_filter_enable": False, "quantize_dynamic_scale_enable": False}
    return preset(name, fe={**off, **fe})


@pytest.mark.parametrize(("name", "shape"), [("micro_speech", (49, 40)), ("on_off", (98, 104))])
def test_presets_have_the_tutorials_shapes(name, shape):
    s = preset(name)
    assert (s.frames, s.bands) == shape
    assert extract(np.zeros(16000, np.int16), s).shape == shape


@pytest.mark.parametrize("sound", list(sounds.made()))
def test_logmel_equals_the_wheel(sound):
    pcm = sounds.made()[sound]
    ours = extract(pcm, WHEEL)
    assert ours.shape == (98, 40)
    np.testing.assert_array_equal(ours, wheel(pcm))
    if sound == "noise":
        assert len(np.unique(ours)) > 200  # the values vary, so the comparison is meaningful


def test_logmel_equals_the_wheel_on_recorded_speech():
    recordings("speech")
    for pcm in sounds.recorded():
        np.testing.assert_array_equal(extract(pcm[: len(pcm) // 160 * 160], WHEEL), wheel(pcm))


@settings(max_examples=depth(15, 400))
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 10, 300, 8000, 32767]),
    st.integers(0, 30),
)
def test_logmel_equals_the_wheel_for_any_sound(seed, level, steps):
    pcm = np.random.default_rng(seed).integers(-level - 1, level + 1, 160 * steps).astype(np.int16)
    np.testing.assert_array_equal(extract(pcm, WHEEL), wheel(pcm))


@pytest.mark.parametrize("name", ["micro_speech", "on_off"])
def test_presets_equal_tflms_cpp(name):
    for pcm in [*sounds.made().values(), *sounds.recorded()]:
        s = plain(name)
        np.testing.assert_array_equal(extract(pcm, s), tflm_frontend.run(pcm, s))


@pytest.mark.parametrize(("bands", "low"), [(33, 20.0), (36, 125.0), (40, 20.0)])
def test_an_upper_limit_of_half_the_rate(bands, low):
    """TFLM takes it where rounding leaves the last bin out of the last filter."""
    fe = {"filterbank_n_channels": bands, "filterbank_lower_band_limit": low}
    s = preset("micro_speech", fe={**fe, "filterbank_upper_band_limit": 8000.0})
    pcm = np.random.default_rng(1).normal(0, 3000, 8000).astype(np.int16)
    np.testing.assert_array_equal(extract(pcm, s), tflm_frontend.run(pcm, s))


@st.composite
def any_settings(draw):
    window = draw(st.integers(8, 32))
    pcan = draw(st.booleans())
    fe = {
        "window_size_ms": window,
        "window_step_ms": draw(st.integers(max(1, window // 4), window)),
        "filterbank_n_channels": draw(st.sampled_from([1, 2, 8, 32, 40, 61, 104, 127])),
        "filterbank_lower_band_limit": draw(st.sampled_from([0.0, 20.0, 125.0, 300.0])),
        "filterbank_upper_band_limit": draw(st.sampled_from([3000.0, 7000.0, 7500.0])),
        "noise_reduction_enable": True,
        "noise_reduction_smoothing_bits": draw(st.integers(8, 12)),
        "noise_reduction_even_smoothing": draw(st.floats(0, 1, width=32)),
        "noise_reduction_odd_smoothing": draw(st.floats(0, 1, width=32)),
        "noise_reduction_min_signal_remaining": draw(st.floats(0, 1, width=32)),
        "pcan_enable": pcan,
        "pcan_strength": draw(st.floats(0, 1, width=32)),
        "pcan_offset": draw(st.floats(1, 500, width=32)),
        "pcan_gain_bits": draw(st.integers(18, 24)),
        "log_scale_enable": draw(st.booleans()),
        "log_scale_shift": draw(st.integers(0, 10)),
    }
    return preset("micro_speech", fe=fe)


@settings(max_examples=depth(15, 600))
@given(any_settings(), st.integers(0, 2**32 - 1), st.sampled_from([1, 300, 8000, 32767]))
def test_any_settings_equal_tflms_cpp(s, seed, level):
    pcm = np.random.default_rng(seed).integers(-level - 1, level + 1, 4000).astype(np.int16)
    expected = np.minimum(tflm_frontend.run(pcm, s), 32767)
    np.testing.assert_array_equal(extract(pcm, s), expected)


def notch(pcm, coefficient):
    """(1 - z^-1) / (1 - k z^-1) in Q15, rounded, wrapping at 16 bits."""
    k = int(coefficient * 32768)
    out, before_in, before_out = [], 0, 0

    def wrap(x):
        return (x + 32768) % 65536 - 32768

    for x in map(int, pcm):
        before_out = wrap(wrap(x - before_in) + ((((k * before_out) >> 14) + 1) >> 1))
        before_in = x
        out.append(before_out)
    return np.array(out, np.int16)


@settings(max_examples=depth(15, 200))
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([10, 8000, 32767]),
    st.sampled_from([0.5, 0.95, 0.999]),
    st.sampled_from(["micro_speech", "on_off"]),
)
def test_the_notch_filter_runs_over_the_stream_before_the_windows(seed, level, coefficient, name):
    pcm = np.random.default_rng(seed).integers(-level - 1, level + 1, 3000).astype(np.int16)
    fe = {"dc_notch_filter_enable": True, "dc_notch_filter_coefficient": coefficient}
    filtered = extract(pcm, plain(name, **fe))
    np.testing.assert_array_equal(filtered, extract(notch(pcm, coefficient), plain(name)))


def test_the_notch_filter_removes_an_offset():
    # the lowest bins for a constant offset, after the filter has settled
    quiet = plain("micro_speech", noise_reduction_enable=False, pcan_enable=False)
    filtered = changed(quiet, fe={"dc_notch_filter_enable": True})
    pcm = np.full(16000, 12000, np.int16)
    pcm[::2] += 2
    assert extract(pcm, filtered)[-1].max() < extract(pcm, quiet)[-1].max() or (
        extract(pcm, filtered)[-1].max() <= 200
    )


def test_without_noise_reduction_the_signal_passes():
    pcm = sounds.made()["noise"]
    off = plain("micro_speech", noise_reduction_enable=False, pcan_enable=False)
    # TFLM's setting for keeping the whole signal
    all_of_it = {"noise_reduction_min_signal_remaining": 1.0, "pcan_enable": False}
    np.testing.assert_array_equal(
        extract(pcm, off), extract(pcm, plain("micro_speech", **all_of_it))
    )


def trips(energies, fe, bands):
    """Activity detection by its definition: the frames in which it trips."""
    a = b = 0
    armed, found = False, []
    q8 = {key: int(getattr(fe, f"activity_detection_alpha_{key}") * 256) for key in "ab"}
    q12 = {k: int(getattr(fe, f"activity_detection_{k}_threshold") * 4096) for k in ("arm", "trip")}
    for frame in energies:
        x = int(frame.sum()) >> math.ceil(math.log2(bands))
        a = ((((256 - q8["a"]) * x + q8["a"] * a) >> 7) + 1) >> 1
        b = ((((256 - q8["b"]) * x + q8["b"] * b) >> 7) + 1) >> 1
        tripped = False
        if not armed:
            armed = a < (b * q12["arm"]) >> 12
        elif a > (b * q12["trip"]) >> 12:
            armed, tripped = False, True
        found.append(tripped)
    return found


@pytest.mark.parametrize("name", ["micro_speech", "on_off"])
def test_activity_detection_follows_its_definition(name):
    rng = np.random.default_rng(3)
    level = np.repeat(rng.choice([5, 50, 500, 2000], 20), 1600)
    pcm = (rng.normal(0, 1, 32000) * level).clip(-32768, 32767).astype(np.int16)
    fe = {"noise_reduction_enable": False, "pcan_enable": False, "activity_detection_enable": True}
    s = plain(name, **fe)
    energies = extract(pcm, plain(name, **{**fe, "log_scale_enable": False}))
    assert energies.max() < 32767  # not saturated
    expected = trips(energies.astype(int), s.fe, s.bands)
    assert activity(pcm, s).tolist() == expected
    assert 2 <= sum(expected) < len(expected) / 2
    assert not activity(pcm, plain(name)).any()
    # noise reduction comes after it
    assert activity(pcm, plain(name, activity_detection_enable=True)).tolist() == expected


@settings(max_examples=depth(15, 400))
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 1, 10, 300, 8000, 32767]),
    st.sampled_from([1.0, 20.0, 40.0, 47.3, 90.0]),
    st.integers(4, 9),
)
def test_dynamic_range_is_mltks(seed, level, decibel, shift):
    pcm = np.random.default_rng(seed).integers(-level - 1, level + 1, 4000).astype(np.int16)
    fe = {"quantize_dynamic_scale_range_db": decibel, "log_scale_shift": shift}
    values = extract(pcm, plain("on_off", **fe)).astype(int)
    s = preset("on_off", fe={**fe, "dc_notch_filter_enable": False})
    width = int(np.float32(decibel * 2**shift * 0.11512925465))
    lowest = max(values.max() - width, 0)
    steps = (values - lowest) * 255
    truncated = np.sign(steps) * (np.abs(steps) // max(values.max() - lowest, 1))
    expected = np.clip(truncated - 128, -128, 127)
    ours = extract(pcm, s)
    np.testing.assert_array_equal(ours - 128, expected)
    # MLTK's networks take these int8; networks trained here take 0..1 in 256 steps
    for q in (input_quantizer(changed(s, input="tflm"), 9.0, 5), input_quantizer(s, 1 / 255, -128)):
        np.testing.assert_array_equal(quantize(ours, q), expected)


def test_tflms_int8_is_its_examples():
    values = np.arange(0, 32768, dtype=np.int16)
    expected = np.clip((values.astype(int) * 256 + 333) // 666 - 128, -128, 127)
    np.testing.assert_array_equal(quantize(values, TFLM_INPUT), expected)
    s = changed(preset("micro_speech"), input="tflm")
    assert input_quantizer(s, 0.1, 0) == TFLM_INPUT


@pytest.mark.parametrize(
    ("fe", "said"),
    [
        ({"window_size_ms": 40}, "window: must be 16 to 512"),
        ({"window_size_ms": 0}, "window"),
        ({"filterbank_n_channels": 128}, "bands: must be 1 to 127"),
        ({"filterbank_n_channels": 0}, "bands"),
        ({"filterbank_upper_band_limit": 8001.0}, "upper_band_limit"),
        ({"filterbank_lower_band_limit": -1.0}, "lower_band_limit"),
        ({"noise_reduction_smoothing_bits": 30}, "smoothing_bits: must be 3 to 14"),
        ({"noise_reduction_even_smoothing": 1.5}, "even_smoothing: must be 0 to 1"),
        ({"noise_reduction_enable": False}, "pcan_enable: needs"),
        ({"pcan_gain_bits": 3}, "gain_bits: must be 15 to 30"),
        ({"pcan_offset": 0.0}, "pcan_offset"),
        ({"log_scale_shift": 16}, "log_scale_shift: must be 0 to 15"),
        ({"dc_notch_filter_coefficient": 1.0}, "coefficient: must be"),
        ({"activity_detection_alpha_a": 2.0}, "alpha_a: must be 0 to 1"),
        ({"activity_detection_arm_threshold": 9.0}, "arm_threshold"),
        ({"quantize_dynamic_scale_enable": True, "quantize_dynamic_scale_range_db": 0.0}, "_db"),
        ({"quantize_dynamic_scale_enable": True, "log_scale_enable": False}, "needs fe.log_scale"),
    ],
)
def test_settings_it_does_not_take_are_refused_in_one_line(fe, said):
    with pytest.raises(UserError, match=said) as error:
        extract(np.zeros(2000, np.int16), preset("micro_speech", fe=fe))
    assert "\n" not in error.value.message


def test_incomplete_settings_are_refused():
    model = network(WHEEL)
    for key in settings_of(Fe):
        table = told(model)
        del table["features"]["fe"][key]
        with pytest.raises(UserError, match=f"metadata lacks features.fe.{key}: train it again"):
            read_metadata(with_metadata(model, table))
