"""lib/pdm on this computer: bits in, PCM out."""

from functools import cache

import numpy as np

from otolith.native import library
from otolith.native.sources import lib

CDEF = """
typedef struct pdm pdm_t;
void pdm_init(pdm_t *p);
void pdm_decimate(pdm_t *p, const uint8_t *bits, int16_t *pcm, uint32_t samples);
void pdm_decimate_words(pdm_t *p, const uint32_t *words, int16_t *pcm, uint32_t samples);
"""


@cache
def pdm():
    sources = lib("pdm")
    return library("pdm", sources.files, CDEF, sources.include)


class Stream:
    """One microphone's bits."""

    def __init__(self):
        self.ffi, self.lib = pdm()
        # as large as struct pdm, and some
        self.memory = self.ffi.new("uint64_t[2048]")
        self.state = self.ffi.cast("pdm_t *", self.memory)
        self.lib.pdm_init(self.state)

    def bytes(self, bits):
        packed = np.packbits(bits)
        out = np.empty(len(bits) // 64, np.int16)
        self.lib.pdm_decimate(
            self.state,
            self.ffi.from_buffer(packed),
            self.ffi.from_buffer("int16_t[]", out),
            len(out),
        )
        return out

    def words(self, bits):
        words = np.packbits(bits).view(">u4").astype("<u4")
        out = np.empty(len(bits) // 64, np.int16)
        self.lib.pdm_decimate_words(
            self.state,
            self.ffi.from_buffer("uint32_t[]", words),
            self.ffi.from_buffer("int16_t[]", out),
            len(out),
        )
        return out
