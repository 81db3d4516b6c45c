"""PIO (RP2350 datasheet, 11): state machines that read a microphone into their receive FIFOs.

A machine's words are computed when somebody looks: a DMA channel whose block is complete, or the
program that reads a register. The result is the same as stepping it all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from otolith.virtual.rp2350 import pins as pin_functions
from otolith.virtual.rp2350.block import Block
from otolith.virtual.rp2350.clocks import Clocks
from otolith.virtual.rp2350.pins import Pins
from otolith.virtual.rp2350.pio_program import Settings, State, Trace, execute, trace

if TYPE_CHECKING:
    from otolith.virtual.rp2350.microphones import DigitalMicrophone

_CTRL, _FSTAT, _FDEBUG, _FLEVEL, _RXF, _IRQ, _BYPASS = 0x0, 0x4, 0x8, 0xC, 0x20, 0x30, 0x38
_CONFIG, _PROGRAM, _MACHINE, _STEP, _GPIOBASE = 0x44, 0x48, 0xC8, 0x18, 0x168
_CLKDIV, _EXEC, _SHIFT, _ADDR, _INSTR, _PINCTRL = 0x0, 0x4, 0x8, 0xC, 0x10, 0x14
_JOIN_RX, _JOIN_ANY = 1 << 31, 3 << 30
_DEPTH = 4
MACHINES = 4


class Machine:
    """A state machine: its settings, its course since it was enabled, and its receive FIFO.

    stalled: words that it could not push at once because the FIFO was full.
    """

    def __init__(self, pio: Pio, number: int) -> None:
        self._pio, self._number = pio, number
        self.fifo: list[int] = []
        self.state = State()
        self.enabled = False
        self.stalled = 0
        self._trace: Trace | None = None

    def register(self, offset: int) -> int:
        return self._pio.registers[_MACHINE + _STEP * self._number + offset]

    @property
    def settings(self) -> Settings:
        program = tuple(self._pio.registers[_PROGRAM + 4 * n] for n in range(32))
        return Settings(
            program, self.register(_EXEC), self.register(_SHIFT), self.register(_PINCTRL)
        )

    @property
    def cycle_ns(self) -> float:
        divider = self.register(_CLKDIV)
        whole, fraction = divider >> 16 or 65536, divider >> 8 & 0xFF
        return (whole + fraction / 256) * 1e9 / self._pio.clocks.sys_hz

    @property
    def room(self) -> int:
        depth = 2 * _DEPTH if self.register(_SHIFT) & _JOIN_RX else _DEPTH
        return depth - len(self.fifo)

    def run(self, instruction: int) -> None:
        """Execute one instruction that a program wrote to INSTR."""
        execute(self.settings, self.state, instruction)

    def restart(self) -> None:
        self.state.bits = 0

    def enable(self, on: bool) -> None:
        if on and not self.enabled:
            settings = self.settings
            self._trace = trace(settings, self.state)
            if settings.threshold != 32 or not settings.autopush or settings.shifts_right:
                raise NotImplementedError("PIO: words of other than 32 bits, the oldest on top")
            self._pio.check(settings, self.state)
            self._start, self._made = self._pio.core.now_ns, 0
            self._cycle_ns = self.cycle_ns
        self.enabled = on

    def due_ns(self, words: int) -> float:
        """When the machine pushes the word that is `words` (1 or more) ahead."""
        assert self._trace is not None
        last = np.array([32 * (self._made + words) - 1])
        # the word is in the FIFO when the sampling instruction has ended
        return self._start + (int(self._trace.samples.at(last)[0]) + 1) * self._cycle_ns

    def advance(self, wanted: int = 0) -> npt.NDArray[np.uint32]:
        """Let the machine run until now.

        Args:
            wanted: words that a DMA channel takes as soon as they are there.

        Returns:
            At most `wanted` words, the oldest first. Further words go into the FIFO. While that is
            full, the machine waits.
        """
        given = self.fifo[:wanted]
        del self.fifo[:wanted]
        taken = np.array(given, np.uint32)
        if not self.enabled:
            return taken
        now = self._pio.core.now_ns
        ready = self._ready(now)
        direct = min(ready, wanted - len(given))
        fresh = self._make(direct)
        kept = min(ready - direct, self.room)
        self.fifo += self._make(kept).tolist()
        waiting = ready - direct - kept
        if waiting > 0 and self.room == 0:
            self.stalled += 1
            # It stands still with a complete word: what follows comes later by as much.
            self._start += max(0.0, now - self.due_ns(1))
        return np.concatenate([taken, fresh])

    def _ready(self, now: float) -> int:
        if self.due_ns(1) > now + 1e-2:
            return 0
        low, high = 1, 2
        while self.due_ns(high) <= now + 1e-2:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.due_ns(middle) <= now + 1e-2 else (low, middle)
        return low

    def _make(self, words: int) -> npt.NDArray[np.uint32]:
        """Read the input pin for the next `words` words."""
        assert self._trace is not None
        if words <= 0:
            return np.zeros(0, np.uint32)
        numbers = np.arange(32 * self._made, 32 * (self._made + words))
        cycles = self._trace.samples.at(numbers)
        bits = self._pio.sample(self.settings.in_base, self._trace, cycles, self._cycle_ns)
        self._made += words
        return np.packbits(bits).view(">u4").astype(np.uint32)


class Pio(Block):
    """machines: the four state machines."""

    def __init__(self, number: int, clocks: Clocks, pins: Pins) -> None:
        self.name, self.clocks, self._pins = f"PIO{number}", clocks, pins
        self._function = pin_functions.PIO0 + number
        self.microphone: DigitalMicrophone | None = None
        self.started: Callable[[], None] = lambda: None  # a machine may have started or stopped
        super().__init__()

    def clear(self) -> None:
        self.registers = {_CTRL: 0, _IRQ: 0, _BYPASS: 0, _GPIOBASE: 0}
        self.registers |= {_PROGRAM + 4 * n: 0 for n in range(32)}
        for machine in range(MACHINES):
            base = _MACHINE + _STEP * machine
            values = {_CLKDIV: 1 << 16, _EXEC: 0x1F000, _SHIFT: 0xC0000, _PINCTRL: 0x14000000}
            self.registers |= {base + offset: value for offset, value in values.items()}
        self.machines = [Machine(self, number) for number in range(MACHINES)]

    def check(self, settings: Settings, state: State) -> None:
        """Record a fault for each pin that a program uses and that is not set up for it."""
        for pin in settings.side_set_pins:
            if not (self._pins.drives(pin, self._function) and state.outputs.get(pin)):
                self.fault(f"GPIO {pin} is no output of it")
        if not self._pins.hears(settings.in_base):
            self.fault(f"GPIO {settings.in_base} is no input")

    def sample(
        self, pin: int, course: Trace, cycles: npt.NDArray[np.int64], cycle_ns: float
    ) -> npt.NDArray[np.uint8]:
        """The levels of an input pin at these cycles of a machine: (cycles,) 0 or 1."""
        microphone = self.microphone
        if microphone is None or pin != microphone.data_pin:
            return np.zeros(len(cycles), np.uint8)
        return microphone.sample(course, cycles, cycle_ns)

    def load(self, offset: int) -> int:
        if _RXF <= offset < _RXF + 16:
            machine = self.machines[(offset - _RXF) // 4]
            machine.advance()
            return machine.fifo.pop(0) if machine.fifo else 0
        if offset in (_FSTAT, _FLEVEL):
            for machine in self.machines:
                machine.advance()
            if offset == _FLEVEL:
                return sum(len(m.fifo) << 8 * n + 4 for n, m in enumerate(self.machines))
            full = sum((m.room == 0) << n for n, m in enumerate(self.machines))
            empty = sum((not m.fifo) << n for n, m in enumerate(self.machines))
            return 0xF << 24 | empty << 8 | full
        if offset == _FDEBUG:
            return sum(bool(machine.stalled) << n for n, machine in enumerate(self.machines))
        if offset == _CONFIG:
            return 1 << 28 | 32 << 16 | MACHINES << 8 | _DEPTH
        number, register = divmod(offset - _MACHINE, _STEP)
        if 0 <= number < MACHINES and register == _ADDR:
            return self.machines[number].state.pc
        return super().load(offset)

    def peek(self, offset: int) -> int:
        number, register = divmod(offset - _MACHINE, _STEP)
        return 0 if 0 <= number < MACHINES and register == _INSTR else super().peek(offset)

    def store(self, offset: int, value: int) -> None:
        number, register = divmod(offset - _MACHINE, _STEP)
        if offset == _FDEBUG:
            for n, machine in enumerate(self.machines):
                if value >> n & 1:
                    machine.stalled = 0
        elif offset == _CTRL:
            self._control(value)
        elif 0 <= number < MACHINES and register == _INSTR:
            self.machines[number].run(value & 0xFFFF)
        elif 0 <= number < MACHINES:
            if self.machines[number].enabled and register != _ADDR:
                raise NotImplementedError(f"{self.name}: settings of a machine that runs")
            if register == _SHIFT and (self.registers[offset] ^ value) & _JOIN_ANY:
                self.machines[number].fifo.clear()
            super().store(offset, value)
        else:
            super().store(offset, value)

    def _control(self, value: int) -> None:
        self.registers[_CTRL] = value & 0xF
        for number, machine in enumerate(self.machines):
            machine.advance()
            if value >> 4 + number & 1:
                machine.restart()
            machine.enable(bool(value >> number & 1))
        self.started()
