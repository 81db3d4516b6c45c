"""lib/pdm on this computer: gain, ADC counts and I2S words to PCM."""

from functools import cache

import numpy as np

from otolith.native import library
from otolith.native.sources import lib


@cache
def native():
    sources = lib("pdm")
    headers = ("adc.h", "i2s_slots.h", "pcm_gain.h")
    return library("pdm_kinds", sources.files, headers, sources.include)


def gained(pcm, db):
    """`pcm` with a gain, as a board applies it."""
    ffi, c = native()
    out = np.array(pcm, np.int16)
    c.pcm_gain(ffi.from_buffer("int16_t[]", out), len(out), c.pcm_gain_factor(db))
    return out


def from_counts(counts, blocks=None, bits=12):
    """PCM of ADC counts of 12 or 16 bits at 64 kHz. blocks: Samples of PCM of each call."""
    ffi, c = native()
    counts = np.ascontiguousarray(counts, np.uint16)
    state = ffi.new("adc_t *")
    c.adc_init_stream(state)
    out = np.empty(len(counts) // 4, np.int16)
    at = 0
    for size in blocks or [len(out)]:
        (c.adc_decimate if bits == 12 else c.adc16_decimate)(
            state,
            ffi.from_buffer("uint16_t[]", counts) + 4 * at,
            ffi.from_buffer("int16_t[]", out) + at,
            size,
        )
        at += size
    return out[:at]


def from_slots(words, stride=1, late=0, db=0):
    """PCM of I2S words."""
    ffi, c = native()
    words = np.ascontiguousarray(words, np.uint32)
    state = ffi.new("i2s_slots_t *")
    c.i2s_slots_init(state)
    out = np.empty((len(words) + stride - 1) // stride, np.int16)
    c.i2s_slots_to_pcm(
        state,
        ffi.from_buffer("uint32_t[]", words),
        stride,
        late,
        c.pcm_gain_factor(db),
        ffi.from_buffer("int16_t[]", out),
        len(out),
    )
    return out
