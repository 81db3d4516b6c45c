"""Microphones on the pins: PDM and I2S, read by PIO, and an analog one on the ADC.

What a PIO machine samples is computed from its program's edges.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from otolith.device.boards import Board
from otolith.virtual.rp2350.pio_program import Events, Trace
from otolith.virtual.sound import OVERSAMPLING, AnalogMicrophone, Sound

MAX9814_BIAS = 1.25 / 3.3  # of the ADC's range
_NO_EVENTS = Events(np.zeros(0, np.int64), np.zeros(0, np.int64), 1)


class DigitalMicrophone(Protocol):
    """A microphone that a PIO machine clocks.

    data_pin: the pin it drives.
    """

    data_pin: int

    def sample(
        self, course: Trace, cycles: npt.NDArray[np.int64], cycle_ns: float
    ) -> npt.NDArray[np.uint8]:
        """The data pin's level at these cycles, ascending, of a machine that follows `course`."""


class PdmMicrophone:
    """Its bit follows one of the clock's edges and holds until the next such edge.

    bits_made: bits that it was clocked for.
    kept: all these bits, a byte each, the oldest first, if `keep` is true.
    """

    def __init__(
        self, sound: Sound, data_pin: int, clock_pin: int, *, right: bool, keep: bool = False
    ) -> None:
        """right: SELECT is high: the bit follows the rising edge instead of the falling one."""
        self.data_pin, self._clock_pin, self._right = data_pin, clock_pin, right
        self._sound, self._keep = sound, keep
        self.valid_ns = 0.0  # how long after the edge its bit is there
        self.bits_made = 0
        self.kept = bytearray()
        self._ahead: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)  # modulated, not clocked out
        self._last = 0
        self._course: Trace | None = None
        self._given = 0  # bits of this course

    def sample(
        self, course: Trace, cycles: npt.NDArray[np.int64], cycle_ns: float
    ) -> npt.NDArray[np.uint8]:
        """See DigitalMicrophone."""
        if course is not self._course:
            self._course, self._given = course, 0
        edges = (course.rises if self._right else course.falls).get(self._clock_pin, _NO_EVENTS)
        late = int(np.ceil(self.valid_ns / cycle_ns))
        number = edges.before(cycles - late)  # edges so far; before the first, the last bit stays
        need = int(number[-1]) - self._given
        bits = np.concatenate([[self._last], self._bits(need)]).astype(np.uint8)
        self._last = int(bits[-1])
        out = bits[np.clip(number - self._given, 0, need)]
        self._given += need
        return out

    def _bits(self, count: int) -> npt.NDArray[np.uint8]:
        missing = count - len(self._ahead)
        if missing > 0:
            more = self._sound.bits(-(-missing // OVERSAMPLING))
            self._ahead = np.concatenate([self._ahead, more])
        bits, self._ahead = self._ahead[:count], self._ahead[count:]
        self.bits_made += count
        if self._keep:
            self.kept += bits.tobytes()
        return bits


class I2sMicrophone:
    """24 bits in a slot of 32, the highest first. It notices word select as the bit clock rises.

    INMP441, ICS-43434: a bit changes after the clock has fallen. SPH0645: after it has risen, half
    a period early. In the other slot nobody drives the pin, which is pulled down.
    """

    _BITS, _NOISE = 24, 0x5A  # what is below 16 bits is constant here
    _SILENT_FRAMES = (1 << 18) // 64  # after power-up

    def __init__(
        self,
        sound: Sound,
        data_pin: int,
        clock_pin: int,
        word_pin: int,
        *,
        right: bool,
        early: bool,
    ) -> None:
        """right: it answers while word select is high. early: as the SPH0645."""
        self.data_pin, self._clock_pin, self._word_pin = data_pin, clock_pin, word_pin
        self._right, self._early, self._sound = right, early, sound
        self._course: Trace | None = None
        self._frames = 0  # since power-up
        self._values: npt.NDArray[np.int64] = np.zeros(1, np.int64)  # of this course, by frame
        self._first = 0  # frame of _values[0]

    def sample(
        self, course: Trace, cycles: npt.NDArray[np.int64], cycle_ns: float
    ) -> npt.NDArray[np.uint8]:
        """See DigitalMicrophone. Its delay of 60 ns is shorter than half a bit clock."""
        if course is not self._course:
            self._course, self._first, self._values = course, 0, np.zeros(1, np.int64)
        shifts = (course.rises if self._early else course.falls).get(self._clock_pin, _NO_EVENTS)
        lows = course.falls.get(self._word_pin, _NO_EVENTS)
        highs = course.rises.get(self._word_pin, _NO_EVENTS)
        number = shifts.before(cycles - 1)  # shifts so far
        shifted = shifts.at(np.maximum(number - 1, 0))  # when the newest was
        noticed = shifted if self._early else shifted - 1  # word select changes as the clock falls
        starts, others = (highs, lows) if self._right else (lows, highs)
        frame, gone = starts.before(noticed), others.before(noticed)
        begun = starts.at(np.maximum(frame - 1, 0))
        ours = (frame > 0) & ((gone == 0) | (others.at(np.maximum(gone - 1, 0)) < begun))
        place = number - shifts.before(begun)  # 1: the highest bit
        ours &= (place >= 1) & (place <= self._BITS)
        self._hear(int(frame[-1]))
        values = self._values[np.clip(frame - self._first, 0, len(self._values) - 1)]
        return np.where(ours, values >> np.clip(self._BITS - place, 0, 23) & 1, 0).astype(np.uint8)

    def _hear(self, frame: int) -> None:
        """Have the values of frames up to `frame`; the last one of before may still be sent."""
        count = frame - self._first - len(self._values) + 1
        if count <= 0:
            return
        pcm = self._sound.samples(count).astype(np.int64)
        awake = np.arange(self._frames, self._frames + count) >= self._SILENT_FRAMES
        fresh = np.where(awake, (pcm << 8 | self._NOISE) & 0xFFFFFF, 0)
        self._first += len(self._values) - 1
        self._values = np.concatenate([self._values[-1:], fresh])
        self._frames += count


def microphone_of(
    board: Board, sound: Sound, keep_bits: bool
) -> PdmMicrophone | I2sMicrophone | AnalogMicrophone:
    """The microphone that a board's file describes, on its pins."""
    wired, pin = board.microphone, board.number_of_pin
    right = wired.channel == "right"
    if wired.kind == "adc":
        return AnalogMicrophone(sound, pin("ADC"), bits=12, bias=MAX9814_BIAS)
    if wired.kind == "i2s":
        pins = pin("I2S_DATA"), pin("I2S_CLOCK"), pin("I2S_WORD")
        return I2sMicrophone(sound, *pins, right=right, early=wired.read_falling)
    return PdmMicrophone(sound, pin("PDM_DATA"), pin("PDM_CLOCK"), right=right, keep=keep_bits)
