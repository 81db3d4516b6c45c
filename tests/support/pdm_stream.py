"""lib/pdm on this computer: converts bits to PCM."""

from functools import cache

import numpy as np

from otolith.native import library
from otolith.native.sources import lib


@cache
def pdm():
    sources = lib("pdm")
    return library("pdm", sources.files, ("pdm.h",), sources.include)


class Stream:
    """The bit stream of one microphone."""

    def __init__(self):
        self.ffi, self.lib = pdm()
        self.state = self.ffi.new("pdm_t *")
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
