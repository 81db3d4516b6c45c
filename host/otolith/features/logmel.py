"""Front end `logmel`: settings and tables for TFLM's audio front end (lib/features/src/logmel.c).

The tables are what TFLM's own Populate functions compute, run here on this computer. Settings have
MLTK's names (host/otolith/features/mltk_settings.py); an "fe" table holds those that are no size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import cffi
import numpy as np

from otolith.errors import UserError
from otolith.features import rfft
from otolith.features.mltk_settings import DEFAULTS as MLTK
from otolith.features.mltk_settings import SIZES
from otolith.features.mltk_settings import checked as typed
from otolith.features.tables import Struct
from otolith.native import library
from otolith.native.sources import TFLM_LIB as LIB
from otolith.native.sources import tflm_frontend

if TYPE_CHECKING:
    from otolith.settings.spec import Features

# Real value of one step, by compress: a linear value of 25.6 is 1, as TFLM's examples have it.
SCALE = {"linear": 10 / 256, "minmax": 1 / 255, "dynamic": 1 / 255}
KEYS = ("fe", "settle", "minimum", "maximum")
DEFAULTS = {
    "window": 400,
    "hop": 160,
    "frames": 98,
    "bands": 32,
    "compress": "linear",
}
MAX_FFT, MAX_BANDS, LUT = rfft.MAX_POINTS, 127, 125
# Of TFLM. kiss_fftr.c: the state's struct stands in no header.
UTILITIES = ("window", "filterbank", "noise_reduction", "pcan_gain_control")
HEADERS = (*(f"{LIB}/{name}_util.h" for name in UTILITIES), "kissfft/tools/kiss_fftr.c")


@cache
def _utilities() -> tuple[cffi.FFI, Any]:
    """TFLM's functions that compute tables."""
    s = tflm_frontend()
    return library("tflm-tables", s.files, HEADERS, s.include, s.flags)


def fft_length(window: int) -> int:
    """TFLM's: the power of two at or above a window."""
    return 1 << max(0, window - 1).bit_length()


def _int16(ffi: cffi.FFI, pointer: Any, count: int) -> np.ndarray:
    return np.frombuffer(ffi.buffer(pointer, 2 * count), np.int16).copy()


def _window(settings: dict) -> dict:
    ffi, lib = _utilities()
    size = settings["window"]
    # WindowPopulateState takes milliseconds; at 1 kHz they are samples
    state = ffi.new("struct WindowState *")
    lib.WindowPopulateState(ffi.new("struct WindowConfig *", [size, size]), state, 1000)
    try:
        values = _int16(ffi, state.coefficients, size)
        return {"window": rfft.pairs(np.append(values, [0] * (size % 2)))}
    finally:
        lib.WindowFreeStateContents(state)


def _fft(size: int) -> dict:
    ffi, lib = _utilities()
    need = ffi.new("size_t *")
    lib.kiss_fftr_alloc(size, 0, ffi.NULL, need)
    memory = ffi.new("char[]", need[0])
    state = lib.kiss_fftr_alloc(size, 0, memory, need)
    twiddles = _int16(ffi, state.substate.twiddles, size)
    return {"fft": rfft.kiss(size, twiddles, _int16(ffi, state.super_twiddles, size // 2))}


def _bank(settings: dict, size: int) -> dict:
    ffi, lib = _utilities()
    fe, bands = settings["fe"], settings["bands"]
    config = ffi.new(
        "struct FilterbankConfig *",
        [bands, fe["filterbank_upper_band_limit"], fe["filterbank_lower_band_limit"], 7],
    )
    state = ffi.new("struct FilterbankState *")
    try:
        if not lib.FilterbankPopulateState(config, state, settings["sample_rate"], size // 2 + 1):
            raise UserError(
                f"front end logmel: the filter bank's upper limit, "
                f"{fe['filterbank_upper_band_limit']:g} Hz, is too near half the sample rate"
            )
        spans = [
            (state.channel_frequency_starts[i], state.channel_weight_starts[i], width)
            for i, width in enumerate(state.channel_widths[0 : bands + 1])
        ]
        count = max(start + width for _, start, width in spans)
        weights = _int16(ffi, state.weights, count), _int16(ffi, state.unweights, count)
        return packed_bank(spans, *weights, state.start_index, state.end_index)
    finally:
        lib.FilterbankFreeStateContents(state)


def packed_bank(
    spans: list[tuple[int, int, int]],
    weights: np.ndarray,
    unweights: np.ndarray,
    start: int,
    end: int,
) -> dict:
    """TFLM's filter bank without the padding, and one share of each bin instead of two.

    spans: (first bin, first weight, how many) of each channel; weights, unweights: int16; bins
    `start` to `end` have a share each. Returns members of logmel_tables_t.
    """
    bins = start
    shares: list[int] = []
    counts: list[int] = []
    uneven: list[int] = []
    for number, (first, at, width) in enumerate(spans):
        counts.append(0)
        for frequency in range(first, first + width):
            index = at + frequency - first
            both = int(weights[index]) + int(unweights[index])
            if both == 0:  # padding
                continue
            assert frequency == bins, "TFLM's filter bank has a gap"
            shares.append(int(weights[index]))
            counts[-1] += 1
            if both != 4096:
                uneven += [number, frequency, both - 4096]
            bins += 1
    assert bins == max(end, start)
    return {
        "start": start,
        "end": bins,
        "spans": np.array(counts, "uint16"),
        "weights": np.array(shares or [0], "uint16"),
        "uneven": np.array([*uneven, 0, 0, 0], "int16"),
    }


def _noise(settings: dict) -> dict:
    ffi, lib = _utilities()
    fe = settings["fe"]
    names = ("smoothing_bits", "even_smoothing", "odd_smoothing", "min_signal_remaining")
    config = [fe[f"noise_reduction_{name}"] for name in names]
    state = ffi.new("struct NoiseReductionState *")
    lib.NoiseReductionPopulateState(ffi.new("struct NoiseReductionConfig *", config), state, 1)
    try:
        values = {name: int(getattr(state, name)) for name in names}
    finally:
        lib.NoiseReductionFreeStateContents(state)
    return {"noise_reduction": bool(fe["noise_reduction_enable"]), **values}


def _pcan(settings: dict, size: int) -> dict:
    ffi, lib = _utilities()
    fe = settings["fe"]
    if not fe["pcan_enable"]:
        return {"gain_lut": None, "snr_shift": 0}
    config = [1, fe["pcan_strength"], fe["pcan_offset"], fe["pcan_gain_bits"]]
    state = ffi.new("struct PcanGainControlState *")
    lib.PcanGainControlPopulateState(
        ffi.new("struct PcanGainControlConfig *", config),
        state,
        ffi.NULL,
        settings["bands"],
        fe["noise_reduction_smoothing_bits"],
        correction_bits(size),
    )
    try:
        lut = _int16(ffi, state.gain_lut, LUT)
        lut[5::4] = 0  # TFLM neither writes nor reads them
        return {"gain_lut": lut, "snr_shift": state.snr_shift}
    finally:
        lib.PcanGainControlFreeStateContents(state)


def correction_bits(size: int) -> int:
    """TFLM's input_correction_bits."""
    return size.bit_length() - 1 - 6


def _mltk(settings: dict) -> dict:
    """What MLTK adds, in its fixed-point formats, truncated as there."""
    fe = settings["fe"]
    return {
        "notch": int(fe["dc_notch_filter_coefficient"] * 32768)
        if fe["dc_notch_filter_enable"]
        else 0,
        "activity": bool(fe["activity_detection_enable"]),
        "activity_scale": math.ceil(math.log2(settings["bands"])),
        "activity_alpha_a": int(fe["activity_detection_alpha_a"] * 256),
        "activity_alpha_b": int(fe["activity_detection_alpha_b"] * 256),
        "arm_threshold": int(fe["activity_detection_arm_threshold"] * 4096),
        "trip_threshold": int(fe["activity_detection_trip_threshold"] * 4096),
    }


def dynamic_range(settings: dict) -> int:
    """MLTK's quantize_dynamic_scale_range_db in steps of the log scale."""
    fe = settings["fe"]
    steps = fe["quantize_dynamic_scale_range_db"] * (1 << fe["log_scale_shift"]) * math.log(10) / 20
    return int(np.float32(steps))


@cache
def _tables(sizes: tuple, fe: tuple) -> Struct:
    settings = {**dict(sizes), "fe": dict(fe)}
    size = fft_length(settings["window"])
    return Struct(
        "logmel_tables_t",
        {
            **_window(settings),
            **_fft(size),
            **_bank(settings, size),
            **_noise(settings),
            **_pcan(settings, size),
            "log_scale": bool(settings["fe"]["log_scale_enable"]),
            "log_shift": settings["fe"]["log_scale_shift"],
            **_mltk(settings),
        },
        "logmel.h",
    )


def tables(settings: dict) -> Struct:
    """What logmel.c takes."""
    fe = typed(settings.get("fe"))
    if set(MLTK) - SIZES - set(fe):
        raise UserError("front end logmel: the fe settings are not complete")
    settings = {**settings, "fe": fe}
    problems: list[str] = []
    check_values(settings, lambda good, key, text: good or problems.append(f"{key}: {text}"))
    if problems:
        raise UserError(f"front end logmel: {problems[0]}")
    sizes = tuple((k, settings[k]) for k in ("sample_rate", "window", "bands"))
    return _tables(sizes, tuple(sorted(fe.items())))


def check_values(settings: dict, need: Callable[[bool, str, str], Any]) -> None:
    """Ranges of what TFLM's and MLTK's code takes without overflow."""
    fe, window, rate = settings["fe"], settings["window"], settings["sample_rate"]

    def between(key: str, low: float, high: float) -> None:
        need(low <= fe[key] <= high, f"fe.{key}", f"must be {low} to {high}")

    need(16 <= window <= MAX_FFT, "window", f"must be 16 to {MAX_FFT} samples")
    need(1 <= settings["bands"] <= MAX_BANDS, "bands", f"must be 1 to {MAX_BANDS}")
    low, high = fe["filterbank_lower_band_limit"], fe["filterbank_upper_band_limit"]
    need(
        0 <= low < high < rate / 2,
        "fe.filterbank_lower_band_limit, fe.filterbank_upper_band_limit",
        "0 to below half the sample rate, lower below upper",
    )
    correction = correction_bits(fft_length(max(window, 1)))
    between("noise_reduction_smoothing_bits", max(0, correction), 14)
    for key in ("even_smoothing", "odd_smoothing", "min_signal_remaining"):
        between(f"noise_reduction_{key}", 0, 1)
    need(
        bool(fe["noise_reduction_enable"]) or not fe["pcan_enable"],
        "fe.pcan_enable",
        "needs fe.noise_reduction_enable",
    )
    between("pcan_strength", 0, 2)
    need(0 < fe["pcan_offset"] <= 1e6, "fe.pcan_offset", "must be above 0, up to 1e6")
    between("pcan_gain_bits", max(1, 12 + correction), 30)
    between("log_scale_shift", 0, 15)
    for key in ("alpha_a", "alpha_b"):
        between(f"activity_detection_{key}", 0, 1)
    for key in ("arm_threshold", "trip_threshold"):
        between(f"activity_detection_{key}", 0, 7.99)
    between("dc_notch_filter_coefficient", 0, 0.9999)
    dynamic = settings.get("compress") == "dynamic"
    need(
        not dynamic or 1 <= dynamic_range(settings) <= 32767,
        "fe.quantize_dynamic_scale_range_db",
        "must give 1 to 32767 steps of the log scale",
    )
    need(
        not dynamic or bool(fe["log_scale_enable"]),
        "fe.quantize_dynamic_scale_enable",
        "needs fe.log_scale_enable",
    )


def check(features: Features, need: Callable[[bool, str, str], None]) -> None:
    f = features
    need(1 <= f.hop <= f.window, "[features] hop", "must be 1 to window")
    need(1 <= f.frames <= 500, "[features] frames", "must be 1 to 500")
    need(0 <= f.settle <= 500, "[features] settle", "must be 0 to 500")
    need(not f.settle or f.compress != "dynamic", "[features] settle", 'not with "dynamic"')
    check_values(vars(f), lambda good, key, text: need(good, f"[features] {key}", text))
