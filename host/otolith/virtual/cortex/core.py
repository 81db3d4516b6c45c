"""The core: memory, time and events. Unicorn runs in stretches between events."""

from __future__ import annotations

import heapq
import math
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from otolith.errors import UserError
from otolith.virtual.cortex import system as scs
from otolith.virtual.cortex.counter import instruction_counter
from otolith.virtual.cortex.exceptions import enter, leave
from otolith.virtual.cortex.image import Image
from otolith.virtual.cortex.peripheral import Peripheral

if TYPE_CHECKING:
    from unicorn import Uc

_END = 0xFFFFFFFE  # no code is there
_PAGE = 0x1000
_HOLD = 0x1FFFF000  # a page no chip here has
_LONGEST = 1_000_000  # instructions in one go
_RUN_OUT = 1 << 40  # more than any stretch may count
_STANDSTILL = 10_000  # steps without an instruction: exceptions and resets take a few
_MASKED = 16  # instructions until the next look at PRIMASK, while an interrupt waits for it
_SVC, _BREAKPOINT, _EXCEPTION_EXIT, _NO_COPROCESSOR, _STACK_LIMIT = 2, 7, 8, 17, 19  # QEMU's
_CFSR = {
    "fetch": 1 << 8,
    "data": 1 << 9 | 1 << 15,
    "stacking": 1 << 12,
    "instruction": 1 << 16,
    "stack limit": 1 << 20,
}
_FORCED, _DEBUG_EVENT = 1 << 30, 1 << 31  # HFSR


class Event:
    """A call at a later time, which can be cancelled until then."""

    def __init__(self, at_ns: float, call: Callable[[], object]) -> None:
        self.at_ns = at_ns
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class LockUpError(Exception):
    """A fault inside a fault handler, which locks a real core up; or a model that stands still."""


class CortexM:
    """A core with memory and peripherals; see the package's documentation."""

    def __init__(
        self,
        cpu: str,
        clock_hz: int,
        *,
        irqs: int,
        priority_bits: int = 3,
        vectors: int = 0,
        sleep_stops_clock: bool = True,
    ) -> None:
        """Create a core without memory.

        Args:
            cpu: "cortex-m3", "cortex-m4" or "cortex-m33".
            clock_hz: CPU clock, Hz.
            irqs: number of interrupt lines.
            priority_bits: implemented bits of an interrupt's priority.
            vectors: VTOR after a reset.
            sleep_stops_clock: whether SysTick and CYCCNT stop in WFI.

        Raises:
            UserError: Unicorn is not installed, or it has no such CPU.
        """
        try:
            import unicorn
            from unicorn import arm_const
        except ImportError as error:
            raise UserError(
                "the virtual Cortex-M needs Unicorn: pip install 'otolith[test]'"
            ) from error
        models = {
            "cortex-m3": arm_const.UC_CPU_ARM_CORTEX_M3,
            "cortex-m4": arm_const.UC_CPU_ARM_CORTEX_M4,
            "cortex-m33": arm_const.UC_CPU_ARM_CORTEX_M33,
        }
        if cpu not in models:
            raise UserError(f"{cpu}: not one of {', '.join(models)}")
        self.memory_error = unicorn.UcError
        self.uc: Uc = unicorn.Uc(
            unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS
        )
        self.uc.ctl_set_cpu_model(models[cpu])
        self.uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid)
        self._count = instruction_counter(self.uc)
        self._pc_register = arm_const.UC_ARM_REG_PC
        self._mask_registers = (
            arm_const.UC_ARM_REG_PRIMASK,
            arm_const.UC_ARM_REG_BASEPRI,
            arm_const.UC_ARM_REG_FAULTMASK,
        )
        self.registers = arm_const
        self.peripherals: list[Peripheral] = []
        # number -> what it answers to MRC with (opc1, CRn, CRm, opc2)
        self.coprocessors: dict[int, Callable[[int, int, int, int], int]] = {}
        self._clock_hz = clock_hz
        self._sleep_stops_clock = sleep_stops_clock
        self._since = (0.0, 0)  # ns and cycles when clock_hz was set
        self._cycles = 0  # at the start of this stretch
        self.idle_cycles = 0  # cycles of these in WFI
        self._running = False
        self._begun: int | None = None  # instructions, where stop() ended the stretch
        self._limit = 0  # instructions this stretch may take
        self._events: list[tuple[float, int, Event]] = []
        self._sequence = 0
        self._asleep = False
        self._holding = False
        self._reset_cause: str | None = None
        self._failure: Exception | None = None
        self._exception: int | None = None  # QEMU's number, of what ended the stretch
        self._invalid: tuple[bool, int] | None = None  # (fetch?, address)
        self.faults: list[str] = []
        self.resets: list[tuple[float, str]] = []
        self.lines: list[tuple[float, str]] = []
        self.system = scs.SystemControl(irqs, priority_bits, cpu, vectors)
        self.map(0xE000E000, self.system)
        self.map(0xE0001000, scs.CycleCounter())

    # ---- what is where ----

    def add_memory(
        self, address: int, size: int, data: bytes = b"", *, writable: bool = True
    ) -> None:
        """Add memory of whole 4 kB pages. A store to memory that is not writable is a fault."""
        from unicorn import UC_PROT_ALL, UC_PROT_EXEC, UC_PROT_READ

        self.uc.mem_map(address, size, UC_PROT_ALL if writable else UC_PROT_READ | UC_PROT_EXEC)
        if data:
            self.uc.mem_write(address, data)

    def add_rom(self, address: int, data: bytes) -> None:
        """Add memory of whole 4 kB pages in which stores have no effect, instead of a fault."""
        from unicorn import UC_HOOK_MEM_WRITE

        def restore(*_: object) -> None:
            self.after_ns(0, lambda: self.uc.mem_write(address, data))

        self.add_memory(address, len(data), data)
        self.uc.hook_add(UC_HOOK_MEM_WRITE, restore, begin=address, end=address + len(data) - 1)

    def map(self, address: int, peripheral: Peripheral, size: int = _PAGE) -> None:
        """Map a peripheral to whole pages of the bus."""
        peripheral.core = self
        self.peripherals.append(peripheral)

        def load(uc: Uc, offset: int, width: int, data: object) -> int:
            try:
                return peripheral.read(offset, width) & 0xFFFFFFFF
            except Exception as error:
                return self._fail(error)

        def store(uc: Uc, offset: int, width: int, value: int, data: object) -> None:
            try:
                peripheral.write(offset, width, value)
            except Exception as error:
                self._fail(error)

        self.uc.mmio_map(address, size, load, None, store, None)

    def _fail(self, error: Exception) -> int:
        """Keep a model's exception until Unicorn has returned."""
        self._failure = error
        self.stop()
        return 0

    def load(self, image: Image | bytes, address: int = 0) -> None:
        """Program an image at its own addresses, or bytes at `address`."""
        parts = image.parts if isinstance(image, Image) else [(address, image)]
        for start, data in parts:
            self.uc.mem_write(start, data)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self.uc.mem_read(address, size))

    def write(self, address: int, data: bytes) -> None:
        self.uc.mem_write(address, data)

    def read_word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 4), "little")

    # ---- time ----

    @property
    def cycles(self) -> int:
        """Cycles since power-on, sleep included."""
        if not self._running:
            return self._cycles
        begun = self._count.value if self._begun is None else self._begun
        return self._cycles + max(begun, 1) - 1

    @property
    def core_cycles(self) -> int:
        """Cycles that SysTick and CYCCNT count."""
        return self.cycles - (self.idle_cycles if self._sleep_stops_clock else 0)

    @property
    def now_ns(self) -> float:
        ns, cycles = self._since
        return ns + (self.cycles - cycles) * 1e9 / self._clock_hz

    @property
    def now_ms(self) -> float:
        return self.now_ns / 1e6

    @property
    def clock_hz(self) -> int:
        return self._clock_hz

    @clock_hz.setter
    def clock_hz(self, hz: int) -> None:
        self._since = (self.now_ns, self.cycles)
        self._clock_hz = hz
        self.stop()

    def _cycles_until(self, at_ns: float) -> int:
        ns, cycles = self._since
        return cycles + math.ceil((at_ns - ns) * self._clock_hz / 1e9 - 1e-6) - self._cycles

    def after_ns(self, ns: float, call: Callable[[], object]) -> Event:
        """Call `call` after `ns` of emulated time."""
        event = Event(self.now_ns + ns, call)
        self._sequence += 1
        heapq.heappush(self._events, (event.at_ns, self._sequence, event))
        if self._running and self._cycles_until(event.at_ns) < self._limit:
            self.stop()
        return event

    def _run_due_events(self) -> None:
        while self._events and self._cycles_until(self._events[0][0]) <= 0:
            event = heapq.heappop(self._events)[2]
            if event.call is not None:
                call, event.call = event.call, None
                call()

    def log(self, text: str) -> None:
        self.lines.append((self.now_ns, text))

    # ---- interrupts and reset ----

    def set_irq(self, number: int, level: bool) -> None:
        """Set an interrupt line; the interrupt is pending while the line is high."""
        self.system.set_line(scs.FIRST_IRQ + number, bool(level))

    def raise_irq(self, number: int) -> None:
        """Pulse an interrupt line."""
        self.system.pend(scs.FIRST_IRQ + number)

    def pend_nmi(self) -> None:
        self.system.pend(scs.NMI)

    def stop(self) -> None:
        """End this stretch after the current instruction, because something may have changed."""
        if self._running and self._begun is None:
            # emu_stop() would repeat an access to a peripheral; letting the count run out does not.
            self._begun = self._count.value
            self._count.value = _RUN_OUT

    def request_reset(self, cause: str) -> None:
        """Reset before the next instruction."""
        self._reset_cause = cause
        self.stop()

    def reset(self, cause: str = "power-on") -> None:
        """Reset the peripherals, and load stack pointer and program counter from the vectors."""
        regs = self.registers
        self._reset_cause = None
        self._asleep = False
        self.resets.append((self.now_ns, cause))
        self.uc.reg_write(regs.UC_ARM_REG_IPSR, 0)
        for register in (*self._mask_registers, regs.UC_ARM_REG_CONTROL):
            self.uc.reg_write(register, 0)
        for peripheral in list(self.peripherals):
            peripheral.reset(cause)
        vectors = self.system.vectors
        stack = self.read_word(vectors)
        self.uc.reg_write(regs.UC_ARM_REG_MSP, stack & ~3)
        self.uc.reg_write(regs.UC_ARM_REG_LR, 0xFFFFFFFF)
        self._jump(self.read_word(vectors + 4))

    def _jump(self, address: int) -> None:
        self.uc.reg_write(self._pc_register, address | 1)

    @property
    def pc(self) -> int:
        return self.uc.reg_read(self._pc_register)

    # ---- running ----

    def stop_at(self, address: int, call: Callable[[], object]) -> None:
        """Call `call` each time before the instruction at `address` (bit 0 is ignored)."""
        import unicorn

        place = address & ~1
        self.uc.hook_add(
            unicorn.UC_HOOK_CODE, lambda uc, at, size, data: call(), begin=place, end=place
        )

    def run_ns(self, ns: float) -> None:
        """Let emulated time pass: at least a cycle, unless `ns` is 0.

        A caller that asks for the rest of a span, less than a cycle, would otherwise ask for ever.

        Raises:
            LockUpError: Faults or resets follow each other without an instruction between.
        """
        end_ns = self.now_ns + ns
        left = max(self._cycles_until(end_ns), int(ns > 0))
        still = 0
        while left > 0:
            before = self._cycles
            self._step(left)
            still = still + 1 if self._cycles == before else 0
            if still > _STANDSTILL:
                raise LockUpError(f"time stands still at {self.pc:#x}: {self.faults[-1:]}")
            left = self._cycles_until(end_ns)

    def power_late(self, ns: float) -> None:
        """Before the first instruction: let it be `ns` later, to see what a long run would."""
        assert self.cycles == 0, "it has run"
        self._since = (self._since[0] + ns, 0)

    def run_ms(self, ms: float) -> None:
        self.run_ns(ms * 1e6)

    def run_until(
        self, condition: Callable[[], bool], ms: float = 1000, every_us: float = 100
    ) -> bool:
        """Run until condition() is true, which is checked every `every_us`.

        Returns:
            False if `ms` have passed without it.
        """
        end_ns = self.now_ns + ms * 1e6
        while not condition():
            if self.now_ns >= end_ns:
                return False
            self.run_ns(every_us * 1e3)
        return True

    def _step(self, limit: int) -> None:
        """Run or sleep for one stretch of at most `limit` cycles."""
        self._run_due_events()
        self.system.tick()
        if self._reset_cause is not None:
            self.reset(self._reset_cause)
            return
        number = self.system.next()
        masked = False
        if number is not None:
            priority = self.system.priority_of(number)
            if priority < self.system.running_priority():
                self._asleep = False
                if priority < self._mask():
                    self._enter(number)
                    return
                masked = True
        if self._events:
            limit = min(limit, self._cycles_until(self._events[0][0]))
        tick = self.system.cycles_to_tick()
        if self._asleep:
            if tick is not None and not self._sleep_stops_clock:
                limit = min(limit, tick)
            self._cycles += limit
            self.idle_cycles += limit
            return
        if tick is not None:
            limit = min(limit, tick)
        self._run(min(limit, _MASKED if masked else _LONGEST))

    def _mask(self) -> int:
        """The priority that an exception must beat to pass PRIMASK, BASEPRI and FAULTMASK."""
        primask, base, fault = (self.uc.reg_read(r) for r in self._mask_registers)
        return -1 if fault & 1 else 0 if primask & 1 else base & 0xFF or 256

    def _run(self, limit: int) -> None:
        self._exception = self._invalid = None
        self._limit = limit
        self._begun = error = None
        self._running = True
        try:
            self.uc.emu_start(self.pc | 1, _END, count=limit)
        except self.memory_error as caught:
            error = caught
        finally:
            self._running = False
        begun = self._count.value
        self._cycles += min(begun if self._begun is None else self._begun, limit)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if error is not None:
            self._fault_of(error)
        elif self._exception is not None:
            self._serve(self._exception)
        elif begun <= limit:
            self._asleep = True  # nothing but WFI ends a stretch before its time

    def go_astray(self, address: int) -> None:
        """Continue at `address`, as after a jump through a broken pointer."""
        self._to_thread_mode()
        self._jump(address)

    def hold_ms(self, ms: float) -> None:
        """Keep the program busy where it is for `ms`; interrupts are still served."""
        self._to_thread_mode()
        here = self.pc
        if not self._holding:
            self.add_memory(_HOLD, _PAGE, b"\xfe\xe7", writable=False)  # b .
            self._holding = True
        self._jump(_HOLD)
        resets = len(self.resets)
        self.run_ms(ms)
        self._to_thread_mode()
        if len(self.resets) == resets:
            self._jump(here)

    def _to_thread_mode(self) -> None:
        """Run until the program is in thread mode with interrupts on."""
        self._asleep = False
        while self.system.active or self._mask() < 256:
            self._step(1 if self._mask() < 256 else 1000)

    # ---- exceptions ----

    def _on_exception(self, uc: Uc, number: int, data: object) -> None:
        self._exception = number
        uc.emu_stop()

    def _on_invalid(
        self, uc: Uc, access: int, address: int, size: int, value: int, data: object
    ) -> bool:
        from unicorn import UC_MEM_FETCH_PROT, UC_MEM_FETCH_UNMAPPED

        self._invalid = (access in (UC_MEM_FETCH_PROT, UC_MEM_FETCH_UNMAPPED), address)
        return False

    def _serve(self, number: int) -> None:
        if number == _SVC:
            self.system.pending.add(scs.SVCALL)
        elif number == _EXCEPTION_EXIT:
            self.system.leave()
            leave(self, self.pc | 1)
        elif number == _NO_COPROCESSOR and self._read_coprocessor():
            pass
        elif number == _BREAKPOINT:
            self.system.hfsr |= _DEBUG_EVENT
            self._fault(scs.HARD_FAULT, f"breakpoint at {self.pc:#x}")
        elif number == _STACK_LIMIT:
            self._usage("stack limit", f"stack limit at {self.pc:#x}")
        else:
            self._usage("instruction", f"exception {number} at {self.pc:#x}")

    def _read_coprocessor(self) -> bool:
        """Execute the MRC at the program counter, if its coprocessor is there and enabled."""
        low, high = struct.unpack("<2H", self.read(self.pc, 4))
        number, target = high >> 8 & 0xF, high >> 12
        is_mrc = low & 0xFF10 == 0xEE10 and high & 0x10 and target < 13
        answer = self.coprocessors.get(number)
        if answer is None or not is_mrc or not self.system.coprocessor_enabled(number):
            return False
        value = answer(low >> 5 & 7, low & 0xF, high & 0xF, high >> 5 & 7)
        self.uc.reg_write(self.registers.UC_ARM_REG_R0 + target, value)
        self._jump(self.pc + 4)
        return True

    def _usage(self, kind: str, text: str) -> None:
        self.system.cfsr |= _CFSR[kind]
        self._fault(scs.USAGE_FAULT, text)

    def _fault_of(self, error: Exception) -> None:
        if self._invalid is None:
            self._usage("instruction", f"undefined instruction at {self.pc:#x}")
            return
        fetch, address = self._invalid
        self.system.cfsr |= _CFSR["fetch" if fetch else "data"]
        if not fetch:
            self.system.bfar = address
        self._fault(
            scs.BUS_FAULT, f"{'jump' if fetch else 'access'} to {address:#x} at {self.pc:#x}"
        )

    def _fault(self, number: int, text: str) -> None:
        self.faults.append(text)
        running = min(self.system.running_priority(), self._mask())
        if number == scs.HARD_FAULT or not (
            self.system.fault_enabled(number) and self.system.priority_of(number) < running
        ):
            if number != scs.HARD_FAULT:
                self.system.hfsr |= _FORCED
            number = scs.HARD_FAULT
            if self.system.running_priority() <= -1:
                raise LockUpError(text)
        self._enter(number)

    def _enter(self, number: int) -> None:
        self.system.enter(number)
        if not enter(self, number):  # the frame found no memory
            self.system.cfsr |= _CFSR["stacking"]
            if number not in (scs.HARD_FAULT, scs.NMI):
                self._fault(scs.BUS_FAULT, f"no stack for exception {number}")
                return
        self._jump(self.read_word(self.system.vectors + 4 * number))
