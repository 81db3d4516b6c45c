"""Waits for the flash of the chips that have these cores, behind their caches."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.bench.timing import m4, m33
from otolith.bench.timing.walk import Table
from otolith.virtual.cortex.program import Program

_LINE = 16  # bytes, also of one read of the flash


@dataclass(frozen=True)
class Chip:
    """A chip's core and flash.

    Attributes:
        name: The chip.
        table: Its core's timings.
        clock_hz: Its clock.
        cache: Bytes of its cache, two ways of 16-byte lines; 0: none.
        miss: Cycles of a line that the cache does not have.
        read: Cycles that a load from flash waits beside the cache. None: it goes through it.
        source: Where that comes from.
    """

    name: str
    table: Table
    clock_hz: int
    cache: int
    miss: int
    read: int | None
    source: str


CHIPS = {
    chip.name: chip
    for chip in (
        Chip(
            "nrf52840",
            m4.TABLE,
            64_000_000,
            cache=2048,
            miss=3,
            read=2,
            source="Product Specification, CPU: 3 wait states from flash with the instruction "
            "cache on, which our start-up turns on, 2 past it; the cache is on the ICODE bus "
            "alone. Its 2 kB, two ways, 16-byte lines are an assumption",
        ),
        Chip(
            "efr32mg24",
            m33.TABLE,
            78_000_000,
            cache=8192,
            miss=1,
            read=None,
            source="MSC: one wait state, as our start-up sets READCTRL; the cache on the code bus "
            "holds instructions and data. Its 8 kB, two ways, 16-byte lines are an assumption",
        ),
    )
}


class FlashWaits:
    """Counts the waits for flash while a program runs: `cycles` since it was last set."""

    def __init__(self, program: Program, chip: Chip, start: int, end: int) -> None:
        """Watch a program whose code and constants lie from `start` to `end`."""
        import unicorn

        self.cycles = 0
        self._chip = chip
        self._sets = max(1, chip.cache // (2 * _LINE))
        self._ways = [[-1, -1] for _ in range(self._sets)]
        self._lines: dict[tuple[int, int], range] = {}
        self._last = (0, 0)
        self._start, self._end = start, end
        program.uc.hook_add(unicorn.UC_HOOK_BLOCK, self._fetch)
        program.uc.hook_add(unicorn.UC_HOOK_MEM_READ, self._load, begin=start, end=end - 1)

    def _touch(self, line: int) -> bool:
        """Bring a line to the cache; whether it was not there."""
        ways = self._ways[line % self._sets]
        if ways[0] == line:
            return False
        missed = ways[1] != line
        ways[0], ways[1] = line, ways[0]
        return missed

    def _fetch(self, uc: object, address: int, size: int, _: object) -> None:
        block = address, size
        if block == self._last:  # its lines are there
            return
        self._last = block
        lines = self._lines.get(block)
        if lines is None:
            inside = self._start <= address < self._end
            lines = range(address // _LINE, (address + size - 1) // _LINE + 1 if inside else 0)
            self._lines[block] = lines
        for line in lines:
            if self._touch(line):
                self.cycles += self._chip.miss

    def _load(self, uc: object, access: int, address: int, *_: object) -> None:
        if self._chip.read is not None:
            self.cycles += self._chip.read
        elif self._touch(address // _LINE):
            self.cycles += self._chip.miss
            self._last = (0, 0)
