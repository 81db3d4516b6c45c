"""USART 0 as the master of an I2S bus with two microphones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from otolith.virtual.efr32mg24.block import Block
from otolith.virtual.efr32mg24.system import INPUT, PUSH_PULL

LEFT_REQUEST, RIGHT_REQUEST = 4 << 16 | 0, 4 << 16 | 1
_RXOF = 1 << 4
_MASTER, _RX, _TX = 1 << 4, 1 << 0, 1 << 2
_SILENT_CLOCKS = 1 << 18  # of an ICS-43434 after power-up
_FRAMES = 1  # slots of 16 bits that the receive buffer holds
_LOW_POWER_RATES = (6250, 18750)  # Hz of WS: within, the microphone works so


class Usart(Block):
    """The I2S bus: each period of WS brings a sample of the left and of the right microphone.

    hear: returns the left microphone's next sample, 24 bits signed. The right one hears its
        negation, so that swapped channels show.
    """

    CLOCK = ("CLKEN0", 9)
    REGISTERS: ClassVar = {
        0x4: "EN",
        0x8: "CTRL",
        0xC: "FRAME",
        0x14: "CMD",
        0x1C: "CLKDIV",
        0x2C: "RXDOUBLE",
        0x48: "IF",
        0x54: "I2SCTRL",
    }
    RESET: ClassVar = {"FRAME": 0x1005, "IF": 0x2}
    READ_ONLY = ("RXDOUBLE",)

    def __init__(self, chip, pins: dict[str, str]) -> None:
        super().__init__(chip)
        self.pins = pins  # none: nothing is wired
        self.hear: Callable[[], int] = lambda: 0
        self.frames = 0  # periods of WS since power-on
        self.lost = 0

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._on = self._master = False
        self._buffer: deque[tuple[int, int]] = deque()
        self._generation = getattr(self, "_generation", 0) + 1
        self._clocks = 0  # since the microphone has power and a clock

    def write_EN(self, value: int) -> None:
        self.values["EN"] = value & 1
        if not value & 1:
            self._stop()
            self._master = False

    def write_CMD(self, value: int) -> None:
        if not self.values["EN"] & 1:
            raise self.misuse("CMD written while disabled")
        if value & 1 << 11:
            self._buffer.clear()
        if value & (1 << 1 | 1 << 3):
            self._stop()
        self._master |= bool(value & _MASTER)
        if value & (_RX | _TX):
            if not self._master or value & (_RX | _TX) != _RX | _TX:
                raise self.misuse("an I2S master has to send in order to receive")
            self._on = True
            self._generation += 1
            self._clocks = 0
            self._schedule(self._generation)

    def _stop(self) -> None:
        self._on = False
        self._generation += 1

    def write_CLKDIV(self, value: int) -> None:
        self.values["CLKDIV"] = value & 0x7FFFF8

    @property
    def rate_hz(self) -> float:
        """Frequency of WS, Hz; MisuseError if the registers do not make I2S for the microphone."""
        if self.values["CTRL"] & 0x20000701 != 0x20000401 or self.values["FRAME"] != 0x100D:
            raise self.misuse("not synchronous, MSB first, sending by itself, 16 bits")
        if self.values["I2SCTRL"] != 0x319:
            raise self.misuse("not I2S, one clock late, requests apart, 16 of 32 bits")
        clock = self.chip.cmu.pclk / (2 * (1 + self.values["CLKDIV"] / 256))
        rate = clock / 64
        if not _LOW_POWER_RATES[0] <= rate <= _LOW_POWER_RATES[1]:
            raise self.misuse(f"{rate:.0f} Hz is no rate of the microphone's low-power mode")
        return rate

    def _schedule(self, generation: int) -> None:
        self.core.after_ns(1e9 / self.rate_hz, lambda: self._word(generation))

    def _wired(self) -> bool:
        gpio, pins = self.chip.gpio, self.pins
        return (
            bool(pins)
            and gpio.high(pins["MICROPHONE_ENABLE"])
            and gpio.joined("USART0", "CLK", 3, pins["I2S_CLOCK"])
            and gpio.joined("USART0", "CS", 0, pins["I2S_WORD"])
            and gpio.joined("USART0", "RX", 2, pins["I2S_DATA"])
            and gpio.mode(pins["I2S_CLOCK"]) == gpio.mode(pins["I2S_WORD"]) == PUSH_PULL
            and gpio.mode(pins["I2S_DATA"]) == INPUT
        )

    def _word(self, generation: int) -> None:
        """End a period of WS."""
        if generation != self._generation:
            return
        self._schedule(generation)
        self.frames += 1
        self._clocks += 64
        left = 0
        if self._wired() and self._clocks > _SILENT_CLOCKS:
            left = self.hear()
        for request, sample in ((LEFT_REQUEST, left), (RIGHT_REQUEST, -left)):
            self._receive(request, (sample & 0xFFFFFF) >> 8)

    def _receive(self, request: int, half: int) -> None:
        self.request()  # it may be able to again
        if len(self._buffer) > _FRAMES:
            self.values["IF"] |= _RXOF
            self.lost += 1
            return
        self._buffer.append((request, half))
        self.request()

    def request(self) -> None:
        """Hand waiting samples to the LDMA, as long as it takes them."""
        while self._buffer and self.chip.ldma.request(self._buffer[0][0]):
            pass

    def read_RXDOUBLE(self) -> int:
        if not self._buffer:
            raise self.misuse("read while there was nothing")
        return self._buffer.popleft()[1]
