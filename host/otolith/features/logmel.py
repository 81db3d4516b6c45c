"""Tables of the front end `logmel`, TFLM's audio front end (lib/features/src/logmel.c).

TFLM's own Populate functions compute the tables on this computer.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import cffi
import numpy as np

from otolith.errors import UserError
from otolith.features import rfft
from otolith.features.tables import Struct
from otolith.native import library
from otolith.native.sources import TFLM_LIB as LIB
from otolith.native.sources import tflm_frontend
from otolith.settings.front_ends.logmel import Fe, Logmel, correction_bits, fft_length

LUT = 125  # entries in TFLM's gain table
# TFLM's headers. No header declares the state struct of kiss_fftr.c.
UTILITIES = ("window", "filterbank", "noise_reduction", "pcan_gain_control")
HEADERS = (*(f"{LIB}/{name}_util.h" for name in UTILITIES), "kissfft/tools/kiss_fftr.c")


@cache
def _utilities() -> tuple[cffi.FFI, Any]:
    """Loads TFLM's functions that compute tables."""
    s = tflm_frontend()
    return library("tflm-tables", s.files, HEADERS, s.include, s.flags)


def _int16(ffi: cffi.FFI, pointer: Any, count: int) -> np.ndarray:
    return np.frombuffer(ffi.buffer(pointer, 2 * count), np.int16).copy()


def _window(size: int) -> dict[str, Any]:
    ffi, lib = _utilities()
    # WindowPopulateState takes milliseconds, which equal samples at 1 kHz
    state = ffi.new("struct WindowState *")
    lib.WindowPopulateState(ffi.new("struct WindowConfig *", [size, size]), state, 1000)
    try:
        values = _int16(ffi, state.coefficients, size)
        return {"window": rfft.pairs(np.append(values, [0] * (size % 2)))}
    finally:
        lib.WindowFreeStateContents(state)


def _fft(size: int) -> dict[str, Any]:
    ffi, lib = _utilities()
    need = ffi.new("size_t *")
    lib.kiss_fftr_alloc(size, 0, ffi.NULL, need)
    memory = ffi.new("char[]", need[0])
    state = lib.kiss_fftr_alloc(size, 0, memory, need)
    twiddles = _int16(ffi, state.substate.twiddles, size)
    return {"fft": rfft.kiss(size, twiddles, _int16(ffi, state.super_twiddles, size // 2))}


def _bank(front_end: Logmel, size: int) -> dict[str, Any]:
    ffi, lib = _utilities()
    fe, bands = front_end.fe, front_end.bands
    config = ffi.new(
        "struct FilterbankConfig *",
        [bands, fe.filterbank_upper_band_limit, fe.filterbank_lower_band_limit, 7],
    )
    state = ffi.new("struct FilterbankState *")
    try:
        if not lib.FilterbankPopulateState(config, state, front_end.sample_rate, size // 2 + 1):
            raise UserError(
                f"front end logmel: the filter bank's upper limit, "
                f"{fe.filterbank_upper_band_limit:g} Hz, is too near half the sample rate"
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
) -> dict[str, Any]:
    """Packs TFLM's filter bank: no padding, and one weight per bin instead of two.

    Args:
        spans: (first bin, index of its weight, number of bins) of each span between two peaks.
        weights: int16, Q12: share of each bin that goes to the filter with the later peak.
        unweights: int16, Q12: share that goes to the filter with the earlier peak.
        start: First bin that has a weight.
        end: End of the bins that have a weight, exclusive.

    Returns:
        Members of logmel_tables_t. "uneven" lists the bins whose shares do not add up to 4096:
        span, bin and difference of each, then three zeros.
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


def _noise(fe: Fe) -> dict[str, Any]:
    ffi, lib = _utilities()
    names = ("smoothing_bits", "even_smoothing", "odd_smoothing", "min_signal_remaining")
    config = [getattr(fe, f"noise_reduction_{name}") for name in names]
    state = ffi.new("struct NoiseReductionState *")
    lib.NoiseReductionPopulateState(ffi.new("struct NoiseReductionConfig *", config), state, 1)
    try:
        values = {name: int(getattr(state, name)) for name in names}
    finally:
        lib.NoiseReductionFreeStateContents(state)
    return {"noise_reduction": fe.noise_reduction_enable, **values}


def _pcan(front_end: Logmel, size: int) -> dict[str, Any]:
    ffi, lib = _utilities()
    fe = front_end.fe
    if not fe.pcan_enable:
        return {"gain_lut": None, "snr_shift": 0}
    config = [1, fe.pcan_strength, fe.pcan_offset, fe.pcan_gain_bits]
    state = ffi.new("struct PcanGainControlState *")
    lib.PcanGainControlPopulateState(
        ffi.new("struct PcanGainControlConfig *", config),
        state,
        ffi.NULL,
        front_end.bands,
        fe.noise_reduction_smoothing_bits,
        correction_bits(size),
    )
    try:
        lut = _int16(ffi, state.gain_lut, LUT)
        lut[5::4] = 0  # TFLM neither writes nor reads these entries
        return {"gain_lut": lut, "snr_shift": state.snr_shift}
    finally:
        lib.PcanGainControlFreeStateContents(state)


def _mltk(front_end: Logmel) -> dict[str, Any]:
    """MLTK's additions in its fixed-point formats, truncated as in MLTK."""
    fe = front_end.fe
    notch = int(fe.dc_notch_filter_coefficient * 32768) if fe.dc_notch_filter_enable else 0
    return {
        "notch": notch,
        "activity": fe.activity_detection_enable,
        "activity_scale": math.ceil(math.log2(front_end.bands)),
        "activity_alpha_a": int(fe.activity_detection_alpha_a * 256),
        "activity_alpha_b": int(fe.activity_detection_alpha_b * 256),
        "arm_threshold": int(fe.activity_detection_arm_threshold * 4096),
        "trip_threshold": int(fe.activity_detection_trip_threshold * 4096),
    }


@cache
def tables(front_end: Logmel) -> Struct:
    """Computes the tables that logmel.c reads."""
    size = fft_length(front_end.window)
    return Struct(
        "logmel_tables_t",
        {
            **_window(front_end.window),
            **_fft(size),
            **_bank(front_end, size),
            **_noise(front_end.fe),
            **_pcan(front_end, size),
            "log_scale": front_end.fe.log_scale_enable,
            "log_shift": front_end.fe.log_scale_shift,
            **_mltk(front_end),
        },
        "logmel.h",
    )
