"""I2S (6.12) as a master that receives, and a microphone that needs 64 clocks a frame.

The microphone's word select is the pin that GPIOTE toggles. A word of memory is one frame of the
peripheral: 16 bits of its left channel below 16 of its right one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from otolith.virtual.cortex import Event
from otolith.virtual.nrf52840.gpio import Gpio
from otolith.virtual.nrf52840.gpiote import Gpiote
from otolith.virtual.nrf52840.nordic import NordicPeripheral, several, zeros
from otolith.virtual.nrf52840.power_clock import PowerClock

_START, _STOP, _RXPTRUPD, _STOPPED = 0x000, 0x004, 0x104, 0x108
_ENABLE, _MODE, _RXEN, _TXEN, _MCKEN, _MCKFREQ = 0x500, 0x504, 0x508, 0x50C, 0x510, 0x514
_RATIO, _SWIDTH, _ALIGN, _FORMAT, _CHANNELS = 0x518, 0x51C, 0x520, 0x524, 0x528
_PTR, _MAXCNT = 0x538, 0x550
_MCK, _SCK, _LRCK, _SDIN, _SDOUT = several(0x560, 5)
_DIVIDERS = {0x08400000: 31, 0x08000000: 32, 0x0C000000: 21}
_RATIOS = {0: 32}
_16_BIT, _STEREO = 1, 0
_OUTPUT_READ = 1  # of PIN_CNF: an output whose input buffer is connected
_SILENT_CLOCKS, _CLOCKS_A_SLOT = 1 << 18, 32


class I2s(NordicPeripheral):
    """The I2S interface and its microphone.

    word_pin: the microphone's word select. right: it uses the slot while that is high.
    early: it is an SPH0645, which changes a bit as the clock rises and has 18 bits. holds: the bit
        is still there when the peripheral reads it; else it reads the next one.
    heard: samples the microphone has sent since power-on.
    """

    name, irq = "I2S", 37
    tasks, events = (_START, _STOP), (0x100, _RXPTRUPD, _STOPPED)
    plain = zeros(
        (_ENABLE, _MODE, _RXEN, _MCKEN, _RATIO, _ALIGN, _FORMAT, _CHANNELS, _PTR, _MAXCNT)
    ) | {
        _TXEN: 1,
        _MCKFREQ: 0x20000000,
        _SWIDTH: _16_BIT,
        **dict.fromkeys((_MCK, _SCK, _LRCK, _SDIN, _SDOUT), 0xFFFFFFFF),
    }

    def __init__(self, base: int, ppi, clock: PowerClock, gpio: Gpio, gpiote: Gpiote) -> None:
        self._clock, self._gpio, self._gpiote = clock, gpio, gpiote
        self.word_pin: int | None = None
        self.right = self.early = False
        self.holds = True
        self.heard = 0
        self.hear: Callable[[], int] = lambda: 0
        self._alarm: Event | None = None
        super().__init__(base, ppi)

    def clear(self) -> None:
        super().clear()
        self.running = False
        self._clocks = self._frames = 0
        if self._alarm is not None:
            self._alarm.cancel()

    def play(self, pcm: np.ndarray) -> None:
        """Let the microphone hear `pcm` from its next sample on, then silence."""
        samples = iter(np.asarray(pcm, np.int16).astype(int).tolist())
        self.hear = lambda: next(samples, 0)

    @property
    def frame_hz(self) -> float:
        """Frames of the peripheral a second: two for each of the microphone's."""
        return 32e6 / _DIVIDERS[self.registers[_MCKFREQ]] / _RATIOS[self.registers[_RATIO]]

    def _check(self) -> None:
        r = self.registers
        if not r[_ENABLE] or not r[_RXEN] or r[_TXEN] or not r[_MCKEN] or r[_MODE]:
            self.fault("started, but it is no master that only receives")
        if not self._clock.crystal:
            self.fault("started without the crystal")
        if (r[_SWIDTH], r[_ALIGN], r[_FORMAT], r[_CHANNELS]) != (_16_BIT, 0, 0, _STEREO):
            self.fault("not 16 bits, left-aligned, I2S, both channels")
        if not self._gpio.is_output(r[_SCK] & 63) or not self._gpio.is_input(r[_SDIN] & 63):
            self.fault("the clock is no output, or the data no input")
        if self._gpio.configuration[r[_LRCK] & 63] & 3 != _OUTPUT_READ:
            self.fault("its word select is no output that GPIOTE can read")
        if self.word_pin not in self._gpiote.levels:
            self.fault("nothing drives the microphone's word select")

    def task(self, offset: int) -> None:
        if offset == _START:
            self._check()
            self.running, self._frames, self._started = True, 0, self.core.now_ns
            self._begin()
        elif self.running:
            self.running = False
            if self._alarm is not None:
                self._alarm.cancel()
            self.core.after_ns(1e9 / self.frame_hz, lambda: self.event(_STOPPED))

    def _begin(self) -> None:
        self._place, count = self.registers[_PTR], self.registers[_MAXCNT]
        self._count = count
        self._frames += count
        due = self._started + self._frames * 1e9 / self.frame_hz
        self._alarm = self.core.after_ns(due - self.core.now_ns, self._end)
        self.event(_RXPTRUPD)

    def _word(self) -> int:
        """One frame: the peripheral's word select falls first, which moves the microphone's."""
        self._gpiote.fell(self.registers[_LRCK] & 63)
        self._clocks += _CLOCKS_A_SLOT
        if self._gpiote.levels.get(self.word_pin or 0, False) != self.right:
            return 0
        self.heard += 1
        sample = self.hear()
        if self._clocks <= _SILENT_CLOCKS:
            return 0
        if self.early:
            slot = (sample << 16 | (self.heard & 3) << 14 | 0x5A) << (not self.holds)
        else:
            slot = sample << 16 | 0x5A00  # 24 bits, and 8 that nobody drives
        slot &= 0xFFFFFFFF
        return slot >> 16 | (slot & 0xFFFF) << 16

    def _end(self) -> None:
        words = np.array([self._word() for _ in range(self._count)], "<u4")
        self.core.write(self._place, words.tobytes())
        if self.running:
            self._begin()
