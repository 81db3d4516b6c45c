"""Models the cycles of a function in any linked program, on Cortex-M4F and M33.

    python bench/timing.py PROGRAM CORE FUNCTION [ARGUMENT ...] [--mark NAME]

PROGRAM: an ELF file without start-up code, linked for the core. CORE: cortex-m4 or cortex-m33.
ARGUMENT: a number, or @OFFSET for an address in free RAM. NAME: a function of the program that is
called with 1 where the measurement begins and with 2 where it ends; without it, all of FUNCTION
counts. Published measurements of public functions, compared with this model, are in
bench/results/timing.txt.
"""

import argparse
from pathlib import Path

from otolith.bench.timing import CHIPS, Walk
from otolith.bench.timing.decode import decode
from otolith.bench.timing.engine import constants
from otolith.bench.timing.flash import FlashWaits
from otolith.virtual.cortex.program import FREE, Program


def main() -> None:
    """Prints instructions, cycles of the core, and cycles that wait for flash."""
    chips = {chip.table.name: chip for chip in CHIPS.values()}
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("program", type=Path)
    options.add_argument("core", choices=chips)
    options.add_argument("function")
    options.add_argument("arguments", nargs="*")
    options.add_argument("--mark")
    told = options.parse_args()
    chip = chips[told.core]
    program = Program(told.program, told.core)
    flash = FlashWaits(program, chip, *constants(program))
    seen = {}

    def marked(number: int, edges) -> None:
        seen[number] = edges.copy(), flash.cycles
        edges.clear()

    edges = program.trace(told.mark, marked if told.mark else None)
    numbers = [
        FREE[0] + int(text[1:], 0) if text.startswith("@") else int(text, 0)
        for text in told.arguments
    ]
    program.call(told.function, *numbers)
    if told.mark:
        edges, waits = seen[2][0], seen[2][1] - seen[1][1]
    else:
        waits = flash.cycles
    count, cycles = Walk(decode(told.program), chip.table).cycles(edges)
    print(f"{told.function} on {told.core}: {count:,} instructions, {cycles:,.0f} cycles")
    print(f"from {chip.name}'s flash: {cycles + waits:,.0f} cycles")


if __name__ == "__main__":
    main()
