"""The core's own registers: NVIC, SysTick, SCB and DWT.

Sources: Armv7-M ARM (DDI 0403), B3 and C1.8; Armv8-M ARM (DDI 0553).
"""

from __future__ import annotations

from otolith.virtual.cortex.peripheral import Peripheral

NMI, HARD_FAULT, MEMORY_FAULT, BUS_FAULT, USAGE_FAULT = 2, 3, 4, 5, 6
SVCALL, PENDSV, SYSTICK, FIRST_IRQ = 11, 14, 15, 16
_FAULT_ENABLE = {MEMORY_FAULT: 1 << 16, BUS_FAULT: 1 << 17, USAGE_FAULT: 1 << 18}  # SHCSR
_CPUID = {"cortex-m3": 0x412FC231, "cortex-m4": 0x410FC241, "cortex-m33": 0x410FD214}
_RESET_KEY, _RESET_REQUEST = 0x05FA, 1 << 2
_SYST_CSR, _SYST_RVR, _SYST_CVR = 0x10, 0x14, 0x18
_ICSR, _VTOR, _AIRCR, _SHPR1, _SHCSR = 0xD04, 0xD08, 0xD0C, 0xD18, 0xD24
_CFSR, _HFSR, _BFAR, _CPACR, _DEMCR, _STIR = 0xD28, 0xD2C, 0xD38, 0xD88, 0xDFC, 0xF00
_TRACE_ENABLE = 1 << 24
_KEPT = {0xD10, 0xD14, 0xD34, 0xD3C, *range(0xD90, 0xDD0, 4), 0xDFC, 0xF34, 0xF38, 0xF3C, _CPACR}


class SystemControl(Peripheral):
    """The page at 0xE000E000: enabled, pending and active exceptions, SysTick, fault registers."""

    def __init__(self, irqs: int, priority_bits: int, cpu: str, vectors: int) -> None:
        self.count = FIRST_IRQ + irqs
        self._cpuid = _CPUID[cpu]
        self._vectors = vectors
        self._priority_mask = 0xFF & ~(0xFF >> priority_bits)
        self.lines: set[int] = set()  # exceptions whose line is high
        self._clear()

    def _clear(self) -> None:
        self.enabled: set[int] = {NMI, HARD_FAULT, SVCALL, PENDSV, SYSTICK}
        self.pending: set[int] = set()
        self.active: list[int] = []  # the innermost last
        self.priority = [0] * self.count
        self.vectors = self._vectors
        self.cfsr = self.hfsr = self.bfar = 0
        self._shcsr = 0
        self.registers = dict.fromkeys(_KEPT, 0)
        self._tick_control = self._tick_reload = 0
        self._tick_from = 0  # core cycle at which the counter was at `reload`
        self._tick_wraps_seen = 0

    def reset(self, cause: str) -> None:
        self._clear()

    # ---- which exception is next ----

    def priority_of(self, number: int) -> int:
        """An exception's priority; a lower number is more urgent."""
        if number in (NMI, HARD_FAULT):
            return number - 4
        return self.priority[number]

    def running_priority(self) -> int:
        """Priority of the active exceptions, without the masks; 256 in thread mode."""
        return min((self.priority_of(n) for n in self.active), default=256)

    def next(self) -> int | None:
        """Number of the most urgent exception that is pending and enabled, or None."""
        ready = self.pending & self.enabled if self.pending else self.pending
        return min(ready, key=lambda n: (self.priority_of(n), n)) if ready else None

    def pend(self, number: int) -> None:
        self.pending.add(number)
        self.core.stop()

    def set_line(self, number: int, level: bool) -> None:
        if level and number not in self.lines:
            self.lines.add(number)
            self.pend(number)
        elif not level:
            self.lines.discard(number)

    def enter(self, number: int) -> None:
        self.pending.discard(number)
        self.active.append(number)

    def leave(self) -> None:
        number = self.active.pop()
        if number in self.lines:  # not served: once more
            self.pending.add(number)

    def fault_enabled(self, number: int) -> bool:
        return bool(self._shcsr & _FAULT_ENABLE[number])

    # ---- SysTick: counts down at the core's clock ----

    @property
    def _period(self) -> int:
        return self._tick_reload + 1

    def _tick_on(self) -> bool:
        return bool(self._tick_control & 1) and self._tick_reload > 0

    def cycles_to_tick(self) -> int | None:
        """Core cycles until SysTick wraps, or None if that causes no interrupt."""
        if not (self._tick_on() and self._tick_control & 2):
            return None
        return self._period - (self.core.core_cycles - self._tick_from) % self._period

    def tick(self) -> None:
        """Pend SysTick if it has wrapped."""
        if self._tick_on():
            wraps = (self.core.core_cycles - self._tick_from) // self._period
            if wraps != self._tick_wraps_seen:
                self._tick_wraps_seen = wraps
                self._tick_control |= 1 << 16
                if self._tick_control & 2:
                    self.pend(SYSTICK)

    def _tick_restart(self) -> None:
        self._tick_from, self._tick_wraps_seen = self.core.core_cycles, 0

    def _tick_value(self) -> int:
        if not self._tick_on():
            return 0
        return self._tick_reload - (self.core.core_cycles - self._tick_from) % self._period

    # ---- registers ----

    def _bits(self, numbers: set[int], word: int) -> int:
        first = FIRST_IRQ + 32 * word
        return sum(1 << n - first for n in numbers if first <= n < first + 32)

    def _numbers(self, word: int, value: int) -> set[int]:
        first = FIRST_IRQ + 32 * word
        return {first + i for i in range(32) if value >> i & 1 and first + i < self.count}

    def read(self, offset: int, size: int) -> int:
        if 0x400 <= offset < 0x400 + self.count - FIRST_IRQ:
            return self._read_priorities(FIRST_IRQ + offset - 0x400, size)
        if _SHPR1 <= offset < _SHPR1 + 12:
            return self._read_priorities(4 + offset - _SHPR1, size)
        return super().read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        if 0x400 <= offset < 0x400 + self.count - FIRST_IRQ:
            self._write_priorities(FIRST_IRQ + offset - 0x400, size, value)
        elif _SHPR1 <= offset < _SHPR1 + 12:
            self._write_priorities(4 + offset - _SHPR1, size, value)
        else:
            super().write(offset, size, value)

    def _read_priorities(self, number: int, size: int) -> int:
        return int.from_bytes(bytes(self.priority[number : number + size]), "little")

    def _write_priorities(self, number: int, size: int, value: int) -> None:
        for i, byte in enumerate(value.to_bytes(size, "little")):
            if number + i < self.count:
                self.priority[number + i] = byte & self._priority_mask
        self.core.stop()

    def read32(self, offset: int) -> int:
        word = offset % 0x40 // 4
        if 0x100 <= offset < 0x180 or 0x180 <= offset < 0x200:
            return self._bits(self.enabled, word)
        if 0x200 <= offset < 0x300:
            return self._bits(self.pending, word)
        if 0x300 <= offset < 0x380:
            return self._bits(set(self.active), word)
        if offset == _SYST_CSR:
            self.tick()
            value = self._tick_control
            self._tick_control &= ~(1 << 16)
            return value
        if offset == _SYST_CVR:
            return self._tick_value()
        if offset == _ICSR:
            self.tick()
            return self._read_icsr()
        simple = {
            0x4: (self.count - FIRST_IRQ - 1) // 32,
            _SYST_RVR: self._tick_reload,
            0x1C: 1 << 31,  # no reference clock, no calibration
            0xD00: self._cpuid,
            _VTOR: self.vectors,
            _AIRCR: 0xFA05 << 16,
            _SHCSR: self._shcsr,
            _CFSR: self.cfsr,
            _HFSR: self.hfsr,
            _BFAR: self.bfar,
        }
        return simple.get(offset, self.registers.get(offset, 0))

    def _read_icsr(self) -> int:
        waiting = self.next()
        return (
            (NMI in self.pending) << 31
            | (PENDSV in self.pending) << 28
            | (SYSTICK in self.pending) << 26
            | any(n >= FIRST_IRQ for n in self.pending) << 22
            | (waiting or 0) << 12
            | (len(self.active) <= 1) << 11
            | (self.active[-1] if self.active else 0)
        )

    def write32(self, offset: int, value: int) -> None:
        word = offset % 0x40 // 4
        if 0x100 <= offset < 0x180:
            self.enabled |= self._numbers(word, value)
            self.core.stop()
        elif 0x180 <= offset < 0x200:
            self.enabled -= self._numbers(word, value)
        elif 0x200 <= offset < 0x280:
            self.pending |= self._numbers(word, value)
            self.core.stop()
        elif 0x280 <= offset < 0x300:
            self.pending -= self._numbers(word, value) - self.lines
        elif offset == _SYST_CSR:
            if value & 1 and not self._tick_control & 1:
                self._tick_restart()
            self._tick_control = value & 7
            self.core.stop()
        elif offset == _SYST_RVR:
            self._tick_reload = value & 0xFFFFFF
            self._tick_restart()
            self.core.stop()
        elif offset == _SYST_CVR:  # any write: to 0, and on with `reload`
            self._tick_restart()
            self._tick_control &= ~(1 << 16)
            self.core.stop()
        elif offset == _ICSR:
            self._write_icsr(value)
        elif offset == _VTOR:
            self.vectors = value & ~0x7F
        elif offset == _AIRCR:
            if value >> 16 == _RESET_KEY and value & _RESET_REQUEST:
                self.core.request_reset("software")
        elif offset == _SHCSR:
            self._shcsr = value
            for number, bit in _FAULT_ENABLE.items():
                (self.enabled.add if value & bit else self.enabled.discard)(number)
        elif offset == _CFSR:
            self.cfsr &= ~value
        elif offset == _HFSR:
            self.hfsr &= ~value
        elif offset == _STIR:
            self.pend(FIRST_IRQ + (value & 0x1FF))
        elif offset in self.registers:
            self.registers[offset] = value

    def _write_icsr(self, value: int) -> None:
        for bit, number in ((31, NMI), (28, PENDSV), (26, SYSTICK)):
            if value >> bit & 1:
                self.pend(number)
        for bit, number in ((27, PENDSV), (25, SYSTICK)):
            if value >> bit & 1:
                self.pending.discard(number)

    def coprocessor_enabled(self, number: int) -> bool:
        """Whether CPACR gives access to a coprocessor."""
        return self.registers[_CPACR] >> 2 * number & 3 == 3

    @property
    def tracing(self) -> bool:
        return bool(self.registers[_DEMCR] & _TRACE_ENABLE)


class CycleCounter(Peripheral):
    """The page at 0xE0001000: DWT, of which only CYCCNT is modelled."""

    def reset(self, cause: str) -> None:
        self._control = 0
        self._offset = 0
        self._held = 0

    def _value(self) -> int:
        counting = self._control & 1 and self.core.system.tracing
        return (self.core.core_cycles + self._offset if counting else self._held) & 0xFFFFFFFF

    def read32(self, offset: int) -> int:
        return {0x0: self._control | 0x40000000, 0x4: self._value()}.get(offset, 0)

    def write32(self, offset: int, value: int) -> None:
        if offset == 0x0:
            self._held = self._value()
            self._control = value & 1
            self._offset = self._held - self.core.core_cycles
        elif offset == 0x4:
            self._held = value
            self._offset = value - self.core.core_cycles
