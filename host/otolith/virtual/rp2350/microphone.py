"""A PDM microphone on two pins: 16 kHz PCM in, one bit a clock period out.

Its sigma-delta modulator is pdm_modulator.c, compiled for this computer.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from otolith.native import library
from otolith.virtual.rp2350.pio_program import Trace

OVERSAMPLING = 64  # bits a sample
_FOLDER = Path(__file__).parent


@cache
def _native() -> tuple[Any, Any]:
    return library("pdm_modulator", [_FOLDER / "pdm_modulator.c"], ["pdm_modulator.h"], [_FOLDER])


class Microphone:
    """Data follows the clock's falling edge, as with SELECT low, and holds until the next.

    valid_ns: how long after the edge its data is valid.
    bits_made: bits that it was clocked for.
    kept: all bits, eight a byte, the oldest first, if `keep` is true.
    """

    def __init__(self, data_pin: int, clock_pin: int, keep: bool = False) -> None:
        self.data_pin, self._clock_pin = data_pin, clock_pin
        self.valid_ns = 0.0
        self.bits_made = 0
        self._keep = keep
        self.kept = bytearray()
        self._sound: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self._ffi, self._library = _native()
        self._modulator = self._ffi.new("pdm_modulator_t *")
        self._library.pdm_modulator_init(self._modulator)
        self._ahead: npt.NDArray[np.uint8] = np.zeros(
            0, np.uint8
        )  # bits modulated and not yet clocked out
        self._last = 0
        self._course: Trace | None = None
        self._given = 0  # bits of this course

    def play(self, pcm: npt.NDArray[np.int16]) -> None:
        """Hear `pcm` (16 kHz) from the next bits on, then silence."""
        self._sound = np.asarray(pcm, np.int16)

    def sample(
        self, course: Trace, cycles: npt.NDArray[np.int64], cycle_ns: float
    ) -> npt.NDArray[np.uint8]:
        """The data pin's level at these cycles, ascending, of a machine that follows `course`."""
        if course is not self._course:
            self._course, self._given = course, 0
        falls = course.falls.get(self._clock_pin)
        if falls is None:  # no clock: nothing drives the pin
            return np.zeros(len(cycles), np.uint8)
        late = int(np.ceil(self.valid_ns / cycle_ns))
        number = falls.before(cycles - late)  # edges so far; before the first, the last bit stays
        need = int(number[-1]) - self._given
        bits = np.concatenate([[self._last], self._bits(need)]).astype(np.uint8)
        out = bits[np.clip(number - self._given, 0, need)]
        self._given += need
        self._last = int(bits[-1])
        return out

    def _bits(self, count: int) -> npt.NDArray[np.uint8]:
        missing = count - len(self._ahead)
        if missing > 0:
            samples = -(-missing // OVERSAMPLING)
            pcm = np.zeros(samples, np.int16)
            part, self._sound = self._sound[:samples], self._sound[samples:]
            pcm[: len(part)] = part
            made = np.zeros(samples * OVERSAMPLING, np.uint8)
            self._library.pdm_modulator_run(
                self._modulator,
                self._ffi.from_buffer("int16_t[]", pcm),
                samples,
                self._ffi.from_buffer("uint8_t[]", made, require_writable=True),
            )
            self._ahead = np.concatenate([self._ahead, made])
        bits, self._ahead = self._ahead[:count], self._ahead[count:]
        self.bits_made += count
        if self._keep:
            self.kept += bits.tobytes()
        return bits
