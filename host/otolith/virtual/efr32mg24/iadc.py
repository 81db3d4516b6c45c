"""IADC: single conversions of one pin, started by its timer, into its FIFO."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from otolith.virtual.efr32mg24.block import Block
from otolith.virtual.efr32mg24.system import DISABLED
from otolith.virtual.sound import AnalogMicrophone

SINGLE_REQUEST = 10 << 16 | 1
BITS = 16  # of a count
_EN, _DISABLING = 1 << 0, 1 << 1
_START, _STOP, _TIMER_ON, _TIMER_OFF, _FLUSH = 1 << 0, 1 << 1, 1 << 16, 1 << 17, 1 << 24
_QUEUE_ON, _CONVERTING, _DATA, _FLUSHING = 1 << 0, 1 << 6, 1 << 8, 1 << 14
_TIMER_ACTIVE, _WRITE_PENDING, _WARM = 1 << 16, 1 << 20, 1 << 30
_OVERFLOW, _UNDERFLOW = 1 << 16, 1 << 18
_TIMER_TRIGGER, _KEEP_WARM, _UNIPOLAR, _RIGHT16 = 1 << 8, 2, 1, 1
_MOST_SOURCE_HZ, _MOST_ADC_HZ = 40e6, 10e6
_DEPTH = 8
_AT_ONCE = _DEPTH  # conversions that are looked at together
_WARM_UP_NS, _SYNC_NS = 5_000, 200


class Iadc(Block):
    """Registers that say how to convert are written while it is disabled, SINGLE while enabled.

    A conversion takes 4 cycles of CLK_ADC for each sample that it averages, and 2. The LDMA takes
    counts from the FIFO when it is full, up to seven conversions late.

    microphone: what is on a pin; None: nothing.
    power: the pin that gives it power, or None.
    """

    CLOCK = ("CLKEN0", 10)
    REGISTERS: ClassVar = {
        0x4: "EN",
        0x8: "CTRL",
        0xC: "CMD",
        0x10: "TIMER",
        0x14: "STATUS",
        0x20: "CMPTHR",
        0x24: "IF",
        0x28: "IEN",
        0x2C: "TRIGGER",
        0x48: "CFG",
        0x50: "SCALE",
        0x54: "SCHED",
        0x70: "SINGLEFIFOCFG",
        0x74: "SINGLEFIFODATA",
        0x78: "SINGLEFIFOSTAT",
        0x98: "SINGLE",
    }
    RESET: ClassVar = {"CFG": 0x2060, "SCALE": 0x8002C000, "SINGLEFIFOCFG": 0x30}
    LOCKED = ("CTRL", "TIMER", "CMPTHR", "TRIGGER", "CFG", "SCALE", "SCHED", "SINGLEFIFOCFG")
    READ_ONLY = ("STATUS", "SINGLEFIFODATA", "SINGLEFIFOSTAT")

    def __init__(self, chip, microphone: AnalogMicrophone | None, power: str | None) -> None:
        super().__init__(chip)
        self.microphone, self.power = microphone, power
        self.conversions = 0  # since power-on
        self.lost = 0

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._queue_on = self._timer_on = False
        self._fifo: deque[int] = deque()
        self._generation = getattr(self, "_generation", 0) + 1
        self._disabled_at = self._written_at = self._flushed_at = self._warm_at = float("-inf")

    # ---- registers ----

    def read_EN(self) -> int:
        busy = self.core.now_ns < self._disabled_at
        return self.values["EN"] | (_DISABLING if busy else 0)

    def write_EN(self, value: int) -> None:
        was, self.values["EN"] = self.values["EN"], value & _EN
        if was and not value & _EN:
            if self._timer_on or self._queue_on:
                raise self.misuse("disabled while it converts")
            self._disabled_at = self.core.now_ns + _SYNC_NS
        if value & _EN and not was:
            if self.core.now_ns < self._disabled_at:
                raise self.misuse("enabled before it was disabled")
            self._warm_at = self.core.now_ns + _WARM_UP_NS

    def write_SINGLE(self, value: int) -> None:
        self._needs_enable("SINGLE")
        self.values["SINGLE"] = value
        self._written_at = self.core.now_ns + _SYNC_NS

    def _needs_enable(self, name: str) -> None:
        if not self.values["EN"] & _EN:
            raise self.misuse(f"{name} written while disabled")

    def write_CMD(self, value: int) -> None:
        self._needs_enable("CMD")
        if value & _FLUSH:
            self._fifo.clear()
            self._flushed_at = self.core.now_ns + _SYNC_NS
        if value & (_STOP | _TIMER_OFF):
            self._queue_on &= not value & _STOP
            self._timer_on &= not value & _TIMER_OFF
            self._generation += 1
        if value & _START:
            if self.core.now_ns < self._written_at:
                raise self.misuse("started before SINGLE was written")
            self._queue_on = True
        if value & _TIMER_ON and not self._timer_on:
            self._timer_on = True
            self._generation += 1
            self._step_ns = self.period_ns  # what it depends on is locked
            self._schedule(self._generation, max(0.0, self._warm_at - self.core.now_ns))

    def read_STATUS(self) -> int:
        now = self.core.now_ns
        running = self._queue_on and self._timer_on
        bits = {
            _QUEUE_ON: self._queue_on,
            _CONVERTING: running,
            _DATA: bool(self._fifo),
            _FLUSHING: now < self._flushed_at,
            _TIMER_ACTIVE: self._timer_on,
            _WRITE_PENDING: now < self._written_at,
            _WARM: bool(self.values["EN"]) and now >= self._warm_at,
        }
        return sum(bit for bit, on in bits.items() if on)

    def read_SINGLEFIFOSTAT(self) -> int:
        return len(self._fifo)

    def read_SINGLEFIFODATA(self) -> int:
        if not self._fifo:
            self.values["IF"] |= _UNDERFLOW
            raise self.misuse("read while there was nothing")
        return self._fifo.popleft()

    # ---- clocks ----

    @property
    def _average(self) -> int:
        return 2 << (self.values["CFG"] >> 2 & 7)

    @property
    def _source_hz(self) -> float:
        hz = self.chip.cmu.iadc / ((self.values["CTRL"] >> 28 & 7) + 1)
        if hz > _MOST_SOURCE_HZ:
            raise self.misuse(f"CLK_SRC_ADC is {hz / 1e6:g} MHz, more than 40")
        return hz

    @property
    def period_ns(self) -> float:
        """Time between two conversions; MisuseError if they take longer, or are not modelled."""
        control, config, source = self.values["CTRL"], self.values["CFG"], self._source_hz
        adc_hz = source / (self.values["SCHED"] + 1)
        if adc_hz > _MOST_ADC_HZ:
            raise self.misuse(f"CLK_ADC is {adc_hz / 1e6:g} MHz, more than 10")
        if (control >> 16 & 0x7F) + 1 < source / 1e6:
            raise self.misuse("TIMEBASE is shorter than a microsecond")
        if self.values["TRIGGER"] != _TIMER_TRIGGER or not self.values["TIMER"]:
            raise self.misuse("not one conversion for each period of the timer")
        if config & 3 or config >> 12 & 7 != 2 or config >> 16 & 7 or config >> 28 != _UNIPOLAR:
            raise self.misuse("not normal mode, gain 1, band gap and unipolar")
        if self._average != 1 << BITS - 11 or self.values["SINGLEFIFOCFG"] != _RIGHT16:
            raise self.misuse(f"counts have not {BITS} bits, or requests are not for each")
        offset = -640 * 256 // self._average & 0x3FFFF
        if self.values["SCALE"] != 1 << 31 | offset:
            raise self.misuse("SCALE is not the one of this average")
        takes = (4 * self._average + 2) / adc_hz * 1e9
        if control >> 4 & 3 != _KEEP_WARM:
            takes += _WARM_UP_NS
        period = self.values["TIMER"] / source * 1e9
        if takes > period:
            raise self.misuse(f"a conversion takes {takes:.0f} ns of a period of {period:.0f} ns")
        return period

    # ---- conversions ----

    def _schedule(self, generation: int, delay_ns: float = 0.0) -> None:
        after = delay_ns + _AT_ONCE * self._step_ns
        self.core.after_ns(after, lambda: self._convert(generation))

    def _pin(self) -> str:
        """The pin that SINGLE names, of which the IADC has the bus."""
        single = self.values["SINGLE"]
        port, number = (single >> 12 & 15) - 8, single >> 8 & 15
        if not 0 <= port <= 3 or single >> 4 & 15:
            raise self.misuse("not a pin against ground")
        pin = f"P{'ABCD'[port]}{number}"
        bus = self.chip.gpio.values[("ABUSALLOC", "BBUSALLOC", "CDBUSALLOC")[min(port, 2)]]
        if bus >> 16 * (number % 2) & 15 != 1:
            raise self.misuse(f"the analog bus of {pin} is not the IADC's")
        if self.chip.gpio.mode(pin) != DISABLED:
            raise self.misuse(f"{pin} is digital")
        return pin

    def _counts(self, pin: str) -> list[int]:
        heard = self.microphone
        if heard is None or heard.pin != pin:
            return [0] * _AT_ONCE
        counts = heard.counts(_AT_ONCE, self._step_ns).tolist()
        return counts if self.power is None or self.chip.gpio.high(self.power) else [0] * _AT_ONCE

    def _convert(self, generation: int) -> None:
        if generation != self._generation:
            return
        self._schedule(generation)
        if not self._queue_on:
            return
        for count in self._counts(self._pin()):
            self.conversions += 1
            self.request()  # it may be able to again
            if len(self._fifo) == _DEPTH:
                self.values["IF"] |= _OVERFLOW
                self.lost += 1
            else:
                self._fifo.append(count)
        self.request()

    def request(self) -> None:
        """Hand waiting counts to the LDMA, as long as it takes them."""
        while self._fifo and self.chip.ldma.request(SINGLE_REQUEST):
            pass
