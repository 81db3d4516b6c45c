"""Models the cycles that a program takes on a Cortex-M4F or M33, flash included.

decode.py reads the disassembly. m4.py and m33.py hold a table of timings each. walk.py applies a
table to the blocks that Unicorn executed. flash.py adds the waits for a chip's flash. A block is
costed once for each block that follows it; after that, its executions are only counted.

    CHIPS["nrf52840"]      Cortex-M4F, 64 MHz
    CHIPS["efr32mg24"]     Cortex-M33, 78 MHz

Left out: interrupts, contention on the bus (DMA), write buffers that are full, unaligned accesses,
and how long a division takes by its operands (the mean is used). Instructions in an IT block count
whether their condition holds or not. Both caches are modelled with the addresses of the engine
linked alone, so conflicts between lines may fall elsewhere in an image. `python bench/timing.py`
models a function of any program. Published measurements stand beside its results in
bench/results/timing.txt.
"""

from otolith.bench.timing.flash import CHIPS, Chip
from otolith.bench.timing.walk import Walk

__all__ = ["CHIPS", "Chip", "Walk"]
