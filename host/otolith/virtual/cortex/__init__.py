"""A virtual Cortex-M: runs a linked image, exactly as built, on models of a chip's peripherals.

A chip is a folder of peripheral classes and a function that puts them on a core:

    class Watchdog(Peripheral):
        def read32(self, offset): ...           # offset: bytes from where it is mapped
        def write32(self, offset, value): ...   # self.core: time, events, interrupts, memory
        def reset(self, cause): ...             # at power-on and at every reset after it

    core = CortexM("cortex-m4", clock_hz=64_000_000, irqs=48, priority_bits=3)
    core.add_memory(0x00000000, 1 << 20, writable=False)
    core.add_memory(0x20000000, 256 << 10)
    core.map(0x40010000, Watchdog())
    core.load(Image.read("firmware.elf"))
    core.reset()
    core.run_ms(100)

What a peripheral may ask of `self.core`:

    now_ns, cycles              emulated time since power-on; exact within an access, too
    after_ns(ns, call)          call() in so much time; returns an Event with .cancel()
    set_irq(number, level)      its interrupt line: pending as long as it is high
    raise_irq(number)           a pulse: pending once
    pend_nmi()
    read(address, size), write(address, data)      memory, as a DMA sees it
    request_reset(cause)        a reset after this instruction; memory stays, `cause` reaches all
    log(text)                   (now_ns, text) in core.lines

What a test may ask besides: idle_cycles, faults (what went wrong, in words), resets
((now_ns, cause)), run_ns(), run_until(condition, ms), Image.symbol(name), stop_at(address, call),
hold_ms() for a main loop that is stuck, go_astray() for one that is lost.

The core: Armv7E-M and Armv8-M mainline with FPU as Unicorn has them; here are the NVIC (levels,
priorities, nesting, tail), exception entry and return with the floating-point frame (stored at
entry: "lazy" makes no difference a program sees), SysTick, SCB, DWT's cycle counter, WFI (time
jumps to the next event), faults and their escalation, reset.

Time is counted in instructions, one a cycle, so that runs repeat exactly; clock_hz may be set
while running. Not modelled: wait states and true cycles, priority groups, the MPU, secure and
non-secure worlds (Armv8-M stays secure), faults by MSPLIM at exception entry (in code: yes), and
an FPU that is off: it works before CPACR turns it on.
"""

from otolith.virtual.cortex.board import CortexBoard
from otolith.virtual.cortex.core import CortexM, Event
from otolith.virtual.cortex.image import Image
from otolith.virtual.cortex.peripheral import Peripheral

__all__ = ["CortexBoard", "CortexM", "Event", "Image", "Peripheral"]
