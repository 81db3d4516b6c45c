"""PDM (6.15) and a microphone. A block goes to the address SAMPLE.PTR had when the block began."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from otolith.virtual.cortex import Event
from otolith.virtual.nrf52840.gpio import Gpio
from otolith.virtual.nrf52840.nordic import NordicPeripheral, zeros
from otolith.virtual.nrf52840.power_clock import PowerClock

_START, _STOP, _STARTED, _STOPPED, _END = 0x000, 0x004, 0x100, 0x104, 0x108
_ENABLE, _PDMCLKCTRL, _MODE, _GAINL, _GAINR, _RATIO = 0x500, 0x504, 0x508, 0x518, 0x51C, 0x520
_CLK, _DIN, _PTR, _MAXCNT = 0x540, 0x544, 0x560, 0x564
_DIVIDERS = {  # of 32 MHz
    0x08000000: 32,
    0x08400000: 31,
    0x08800000: 30,
    0x09800000: 26,
    0x0A000000: 25,
    0x0A800000: 24,
}
_RATIOS = (64, 80)
_MONO = 1
_UNITY, _GAIN_HIGHEST, _STEPS_A_DB = 0x28, 0x50, 2
_LATENCY_NS = 1000.0
_DISCONNECTED = 1 << 31


class Pdm(NordicPeripheral):
    """The PDM interface.

    heard: samples delivered since power-on.
    started_at: time of the last start, ns.
    power_pin: pin that powers the microphone, or None.
    """

    name, irq = "PDM", 29
    tasks, events = (_START, _STOP), (_STARTED, _STOPPED, _END)
    plain = zeros((_ENABLE, _MODE, _RATIO, _PTR, _MAXCNT)) | {
        _PDMCLKCTRL: 0x08400000,
        _GAINL: _UNITY,
        _GAINR: _UNITY,
        _CLK: 0xFFFFFFFF,
        _DIN: 0xFFFFFFFF,
    }

    def __init__(self, base: int, ppi, clock: PowerClock, gpio: Gpio) -> None:
        self._clock, self._gpio = clock, gpio
        self.power_pin: int | None = None
        self.heard = 0
        self._sound: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self._alarm: Event | None = None
        super().__init__(base, ppi)

    def clear(self) -> None:
        super().clear()
        self.running = False
        self._given = 0  # samples since the start
        if self._alarm is not None:
            self._alarm.cancel()

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear `pcm` from the next block on, then silence."""
        self._sound = np.asarray(pcm, np.int16)

    @property
    def rate(self) -> float:
        """Samples a second."""
        return 32e6 / _DIVIDERS[self.registers[_PDMCLKCTRL]] / _RATIOS[self.registers[_RATIO]]

    def _check(self) -> None:
        registers = self.registers
        if not registers[_ENABLE]:
            self.fault("started while off")
        if not self._clock.crystal:
            self.fault("started without the crystal")
        if registers[_MODE] & 1 != _MONO:
            self.fault("in stereo, which is not modelled")
        if not 0 <= registers[_GAINL] <= _GAIN_HIGHEST:
            self.fault("gain out of range")
        if registers[_CLK] & _DISCONNECTED or not self._gpio.is_output(registers[_CLK]):
            self.fault("clock pin is no output")
        if registers[_DIN] & _DISCONNECTED or not self._gpio.is_input(registers[_DIN]):
            self.fault("data pin is no input")

    def task(self, offset: int) -> None:
        if offset == _START:
            self._check()
            self.running, self._given, self.started_at = True, 0, self.core.now_ns
            self._alarm = self.core.after_ns(_LATENCY_NS, self._begin)
        elif self.running:
            self.running = False
            if self._alarm is not None:
                self._alarm.cancel()
            self.core.after_ns(1e9 / self.rate, lambda: self.event(_STOPPED))

    def _begin(self) -> None:
        self._place, self._count = self.registers[_PTR], self.registers[_MAXCNT]
        self._given += self._count
        due = self.started_at + _LATENCY_NS + self._given * 1e9 / self.rate
        self._alarm = self.core.after_ns(due - self.core.now_ns, self._end)
        self.event(_STARTED)

    def _end(self) -> None:
        powered = self.power_pin is None or self._gpio.is_high(self.power_pin)
        block = np.zeros(self._count, "<i2")
        part, self._sound = self._sound[: self._count], self._sound[self._count :]
        if powered:
            db = (self.registers[_GAINL] - _UNITY) / _STEPS_A_DB
            louder = part if db == 0 else np.round(part * 10 ** (db / 20))
            block[: len(part)] = np.clip(louder, -32768, 32767)
        self.core.write(self._place, block.tobytes())
        self.heard += self._count
        self.event(_END)
        if self.running:
            self._begin()
