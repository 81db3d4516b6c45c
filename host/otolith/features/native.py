"""lib/features on this computer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cffi

from otolith.errors import UserError
from otolith.native import library, library_path
from otolith.native.sources import Sources, lib

CDEF = """
typedef struct { int16_t multiplier; uint8_t shift; int8_t zero_point; } features_quantizer_t;
typedef struct {
    const void *frontend;
    uint16_t sample_rate, window, hop, frames, bands;
    int compress;
    features_quantizer_t quantizer;
    const void *tables;
    const int16_t *minimum, *maximum;
    uint16_t range;
} features_config_t;
typedef struct {
    uint16_t points;
    const uint32_t *twiddles, *split;
    const uint8_t *order;
} rfft_q15_t;
typedef struct { const uint32_t *window; const rfft_q15_t *fft; } spectrogram_tables_t;
typedef struct {
    const rfft_q15_t *fft;
    uint16_t mels;
    const uint32_t *window;
    const uint16_t *filter_start, *filter_length;
    const int16_t *filters;
    const uint32_t *dct;
} mfcc_tables_t;
typedef struct {
    uint16_t points;
    const uint8_t *order;
    const uint32_t *twiddles, *split;
} rfft_kiss_t;
typedef struct {
    const rfft_kiss_t *fft;
    const uint32_t *window;
    uint16_t start, end;
    const uint16_t *spans, *weights;
    const int16_t *uneven;
    bool noise_reduction;
    uint8_t smoothing_bits;
    uint16_t even_smoothing, odd_smoothing, min_signal_remaining;
    const int16_t *gain_lut;
    int8_t snr_shift;
    bool log_scale;
    uint8_t log_shift;
    int16_t notch;
    bool activity;
    uint8_t activity_scale;
    int16_t activity_alpha_a, activity_alpha_b, arm_threshold, trip_threshold;
} logmel_tables_t;
void rfft_kiss_energies(const rfft_kiss_t *fft, const uint32_t *samples, uint32_t shift,
                        uint32_t *work, uint32_t first, uint32_t last, uint32_t *energy);
uint32_t root_64(uint64_t x);
void magnitudes(const uint32_t *energy, int16_t *out, uint32_t count);
int32_t log_q31_to_q7(uint32_t x, uint32_t offset);
const void *features_find(const char *kind);
int16_t log2_q10(int16_t x);
void rfft_q15_magnitudes(const rfft_q15_t *fft, const uint32_t *window, const uint32_t *samples,
                         uint32_t *work, int16_t *out);
void features_quantize(const features_quantizer_t *q, const int16_t *values, int8_t *out,
                       uint32_t count);
uint32_t features_extract(const features_config_t *config, const int16_t *pcm, uint32_t samples,
                          int16_t *out, bool *active);
void features_dynamic(uint16_t range, int16_t *values, uint32_t count);
"""
FLAGS = ("-O3",)


def sources() -> Sources:
    """lib/features."""
    return lib("features")


def built() -> Path | None:
    """The library's file, if it has been built from the sources as they are."""
    try:
        s = sources()
        path = library_path("features", s.files, s.include, (*s.flags, *FLAGS))
    except (UserError, OSError):
        return None
    return path if path.exists() else None


@cache
def features_library() -> tuple[cffi.FFI, Any]:
    """(ffi, lib), built if needed."""
    s = sources()
    return library("features", s.files, CDEF, s.include, (*s.flags, *FLAGS))
