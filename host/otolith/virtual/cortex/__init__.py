"""A virtual Cortex-M that runs a linked image, exactly as built, on models of a chip's peripherals.

A chip is a folder of peripheral classes and a class that puts them on a core:

    class Watchdog(Peripheral):
        def read32(self, offset): ...           # offset: bytes from where it is mapped
        def write32(self, offset, value): ...   # self.core: time, events, interrupts, memory
        def reset(self, cause): ...             # at power-on and at every later reset

    core = CortexM("cortex-m4", clock_hz=64_000_000, irqs=48, priority_bits=3)
    core.add_memory(0x00000000, 1 << 20, writable=False)
    core.add_memory(0x20000000, 256 << 10)
    core.map(0x40010000, Watchdog())
    core.load(Image.read("firmware.elf"))
    core.reset()
    core.run_ms(100)

A peripheral may use these of `self.core`:

    now_ns, cycles              emulated time since power-on, exact even within an access
    after_ns(ns, call)          call call() after `ns`; returns an Event with .cancel()
    set_irq(number, level)      set an interrupt line; the interrupt is pending while it is high
    raise_irq(number)           pulse an interrupt line; the interrupt is pending once
    pend_nmi()
    read(address, size), write(address, data)      access memory as a DMA does
    request_reset(cause)        reset after this instruction; memory keeps its content
    log(text)                   add (now_ns, text) to core.lines

Tests may also use idle_cycles, faults (descriptions), resets ((now_ns, cause)), run_ns(),
run_until(condition, ms), Image.symbol(name), stop_at(address, call), hold_ms() for a main loop that
is stuck, and go_astray() for a jump into nowhere.

Unicorn executes Armv7E-M and Armv8-M mainline with FPU. This package adds the NVIC (levels,
priorities, nesting, tail-chaining), exception entry and return with the floating-point frame,
SysTick, SCB, DWT's cycle counter, WFI (time jumps to the next event), faults and their escalation,
and reset. The floating-point frame is stored at entry; a program sees no difference to lazy
stacking.

Time is counted in instructions, one a cycle, so that runs repeat exactly. clock_hz may change while
running. Not modelled: wait states and true cycles, priority groups, the MPU, secure and non-secure
worlds (Armv8-M stays secure), MSPLIM faults at exception entry (MSPLIM faults of code are), and an
FPU that is off: it works before CPACR turns it on.
"""

from otolith.virtual.cortex.board import CortexBoard
from otolith.virtual.cortex.core import CortexM, Event
from otolith.virtual.cortex.image import Image
from otolith.virtual.cortex.peripheral import Peripheral

__all__ = ["CortexBoard", "CortexM", "Event", "Image", "Peripheral"]
