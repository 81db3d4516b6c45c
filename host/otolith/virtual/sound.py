"""What microphones of emulated boards hear, and the analog microphone.

They hear 16 kHz PCM. The filters between PCM, PDM bits and voltages are pdm_modulator.c, compiled
for this computer.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from otolith.native import library

OVERSAMPLING = 64  # bits, or values, a sample
_FOLDER = Path(__file__).parent


@cache
def _native() -> tuple[Any, Any]:
    return library("pdm_modulator", [_FOLDER / "pdm_modulator.c"], ["pdm_modulator.h"], [_FOLDER])


class Sound:
    """What a microphone hears: PCM, then silence."""

    def __init__(self) -> None:
        self._pcm: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self._ffi, self._library = _native()
        self._state = self._ffi.new("pdm_modulator_t *")
        self._library.pdm_modulator_init(self._state)

    def play(self, pcm: npt.NDArray[np.int16]) -> None:
        """Begin with `pcm` (16 kHz)."""
        self._pcm = np.asarray(pcm, np.int16)

    def samples(self, count: int) -> npt.NDArray[np.int16]:
        """The next samples: (count,) int16."""
        pcm = np.zeros(count, np.int16)
        part, self._pcm = self._pcm[:count], self._pcm[count:]
        pcm[: len(part)] = part
        return pcm

    def bits(self, count: int) -> npt.NDArray[np.uint8]:
        """The next `count` samples as PDM: (64 * count,) 0 or 1."""
        made = np.zeros(count * OVERSAMPLING, np.uint8)
        out = self._ffi.from_buffer("uint8_t[]", made, require_writable=True)
        pcm = self._ffi.from_buffer("int16_t[]", self.samples(count))
        self._library.pdm_modulator_run(self._state, pcm, count, out)
        return made

    def values(self, count: int) -> npt.NDArray[np.float64]:
        """The next `count` samples, interpolated: (64 * count,), -1 to 1."""
        made = np.zeros(count * OVERSAMPLING)
        out = self._ffi.from_buffer("double[]", made, require_writable=True)
        pcm = self._ffi.from_buffer("int16_t[]", self.samples(count))
        self._library.pdm_modulator_values(self._state, pcm, count, out)
        return made


class AnalogMicrophone:
    """A voltage around its bias, in counts of an ADC. Full scale of the sound is half its range."""

    _SAMPLE_NS = 1e9 / 16_000

    def __init__(self, sound: Sound, pin: int | str, *, bits: int, bias: float) -> None:
        """pin: the ADC's input. bits: of a count. bias: in silence, of the ADC's range."""
        self.pin, self._sound = pin, sound
        self._range, self._bias = 1 << bits, round(bias * (1 << bits))
        self._values: npt.NDArray[np.float64] = np.zeros(0)
        self._phase = 0.0  # of the next count, in parts of a sample, from _values[0] on

    def counts(self, number: int, step_ns: float) -> npt.NDArray[np.uint32]:
        """The next counts, `step_ns` apart."""
        step = step_ns / self._SAMPLE_NS * OVERSAMPLING
        phases = self._phase + step * np.arange(1, number + 1)
        places = np.floor(phases + 1e-6).astype(np.int64)
        missing = int(places[-1]) + 1 - len(self._values)
        if missing > 0:
            more = self._sound.values(-(-missing // OVERSAMPLING))
            self._values = np.concatenate([self._values, more])
        counts = np.rint(self._bias + self._values[places] * self._range / 2)
        done = int(places[-1])
        self._values, self._phase = self._values[done:], float(phases[-1]) - done
        return np.clip(counts, 0, self._range - 1).astype(np.uint32)
