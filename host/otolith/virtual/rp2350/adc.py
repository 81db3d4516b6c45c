"""ADC (RP2350 datasheet, 12.4): counts of one input at a steady rate, into its FIFO."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from otolith.virtual.rp2350.block import Block
from otolith.virtual.rp2350.clocks import Clocks
from otolith.virtual.rp2350.pins import Pins
from otolith.virtual.sound import AnalogMicrophone

_CS, _RESULT, _FCS, _FIFO, _DIV, _INTE = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x18
_EN, _ONCE, _MANY, _READY = 1, 1 << 2, 1 << 3, 1 << 8
_FIFO_EN, _FIFO_DREQ, _OVER = 1, 1 << 3, 1 << 11
_DEPTH, _FIRST_PIN, _CONVERSION = 8, 26, 96  # cycles


class Adc(Block):
    """Also a DMA source: see dma.Source."""

    name = "ADC"
    plain = {_CS: 0, _FCS: 0, _DIV: 0, _INTE: 0}  # noqa: RUF012

    def __init__(self, clocks: Clocks, pins: Pins) -> None:
        self._clocks, self._pins = clocks, pins
        self.microphone: AnalogMicrophone | None = None
        self.started: Callable[[], None] = lambda: None
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self.fifo: list[int] = []
        self._overflowed = False
        self._start, self._made = 0.0, 0
        self._last = 0

    @property
    def enabled(self) -> bool:
        return self.registers[_CS] & (_EN | _MANY) == _EN | _MANY

    @property
    def _step_ns(self) -> float:
        divider = self.registers[_DIV]
        cycles = max(_CONVERSION, 1 + (divider >> 8) + (divider & 0xFF) / 256)
        return cycles * 1e9 / self._clocks.adc_hz

    def due_ns(self, words: int) -> float:
        return self._start + (self._made + words) * self._step_ns

    def advance(self, wanted: int = 0) -> npt.NDArray[np.uint32]:
        taken = np.array(self.fifo[:wanted], np.uint32)
        del self.fifo[:wanted]
        if not self.enabled:
            return taken
        step = self._step_ns
        ready = int((self.core.now_ns + 1e-2 - self._start) / step) - self._made
        if ready <= 0:
            return taken
        counts = self._counts(ready, step)
        self._made += ready
        self._last = int(counts[-1])
        direct = counts[: wanted - len(taken)]
        rest = counts[len(direct) :]
        if self.registers[_FCS] & _FIFO_EN:
            room = _DEPTH - len(self.fifo)
            self.fifo += rest[:room].tolist()
            self._overflowed |= len(rest) > room
        return np.concatenate([taken, direct])

    def _counts(self, number: int, step_ns: float) -> npt.NDArray[np.uint32]:
        pin = _FIRST_PIN + (self.registers[_CS] >> 12 & 0xF)
        microphone = self.microphone
        if microphone is None or pin != microphone.pin:
            return np.zeros(number, np.uint32)  # nothing is wired there
        return microphone.counts(number, step_ns)

    def load(self, offset: int) -> int:
        if offset in (_RESULT, _FCS, _FIFO):
            self.advance()
        if offset == _CS:
            return self.registers[_CS] | (_READY if self.registers[_CS] & _EN else 0)
        if offset == _RESULT:
            return self._last
        if offset == _FIFO:
            return self.fifo.pop(0) if self.fifo else 0
        if offset == _FCS:
            level = len(self.fifo)
            state = level << 16 | (level == _DEPTH) << 9 | (level == 0) << 8
            return self.registers[_FCS] | state | (_OVER if self._overflowed else 0)
        return super().load(offset)

    def store(self, offset: int, value: int) -> None:
        self.advance()
        ran = self.enabled
        if offset == _FCS and value & _OVER:
            self._overflowed = False
        if offset == _CS and value & _ONCE:
            raise NotImplementedError("ADC: a single conversion")
        kept = {_CS: ~_READY, _FCS: 0x0F00000F}.get(offset, -1)
        super().store(offset, value & kept)
        if offset == _CS and self.enabled and not ran:
            self._check()
            self._start, self._made = self.core.now_ns, 0
        if self.enabled != ran:
            self.started()

    def _check(self) -> None:
        if abs(self._clocks.adc_hz - 48e6) > 1:
            self.fault(f"clk_adc is {self._clocks.adc_hz / 1e6:g} MHz, not 48")
        pin = _FIRST_PIN + (self.registers[_CS] >> 12 & 0xF)
        if self._pins.pulled(pin) or self._pins.hears(pin):
            self.fault(f"GPIO {pin} is pulled, or a digital input")
        if not self.registers[_FCS] & _FIFO_DREQ:
            self.fault("runs without DMA requests, which is not modelled")
