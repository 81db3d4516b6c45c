"""lib/features on this computer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cffi

from host.errors import UserError
from host.native import library, library_path
from host.native.sources import Sources, cmsis_dsp, lib

CDEF = """
typedef struct { int16_t multiplier; uint8_t shift; int8_t zero_point; } features_quantizer_t;
typedef struct {
    const void *frontend;
    uint16_t sample_rate, window, hop, frames, bands;
    int compress;
    features_quantizer_t quantizer;
} features_config_t;
const void *features_find(const char *kind);
int16_t log2_q10(int16_t x);
void features_quantize(const features_quantizer_t *q, const int16_t *values, int8_t *out,
                       uint32_t count);
uint32_t features_extract(const features_config_t *config, const int16_t *pcm, uint32_t samples,
                          int16_t *out);
"""
FLAGS = ("-O3",)


def sources() -> Sources:
    """lib/features and the CMSIS-DSP functions it calls."""
    return lib("features") + cmsis_dsp()


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
