"""Costs the blocks of a program by a core's table of timings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from otolith.bench.timing.decode import (
    ALU,
    BRANCH,
    DIVIDE,
    IT,
    LOAD,
    MANY,
    MULTIPLY,
    STORE,
    Op,
)
from otolith.virtual.cortex.program import Edges


@dataclass(frozen=True)
class Table:
    """Timings of a core, in cycles.

    Attributes:
        name: The core.
        source: Where the figures come from.
        load: A load that cannot overlap with the access before it.
        next_load: A load behind a load whose result it does not need.
        load_use: Wait of an instruction that needs the result of the load before it.
        store: A store with an offset in the instruction.
        indexed_store: A store with an offset in a register, unless it follows a load.
        many: What a load or store of several registers takes beside one cycle a register.
        multiply_use: Wait of an instruction that needs the product before it, except to add to it.
        address_use: Wait of an access whose address the instruction before it computed.
        divide: An integer division, on average.
        float_sum, float_divide, float_use: Multiply-accumulate, division or root, and the wait of
            an instruction that needs the floating-point result before it.
        direct, indirect: Refill after a taken branch, to a target in the instruction and to one
            from a register or memory.
        far: Wait for a target of four bytes that is not at a multiple of four.
        table: What TBB and TBH add for their load.
        error: The largest relative error that published measurements showed, rounded up.
        pairs: Whether two instructions of two bytes, in one word, may be executed together.
    """

    name: str
    source: str
    load: float
    next_load: float
    load_use: float
    store: float
    indexed_store: float
    many: float
    multiply_use: float
    address_use: float
    divide: float
    float_sum: float
    float_divide: float
    float_use: float
    direct: float
    indirect: float
    far: float
    table: float
    error: float
    pairs: bool


def _own(op: Op, before: Op | None, table: Table) -> float:
    """Cycles of an instruction without its waits for results."""
    after_load = before is not None and before.kind == LOAD
    free = after_load and before is not None and not before.writes & op.addressing
    if op.kind == LOAD:
        return table.next_load if free else table.load
    if op.kind == STORE:
        return table.indexed_store if op.indexed and not free else table.store
    if op.kind == MANY:
        return table.many + op.count
    if op.kind == DIVIDE:
        return table.float_divide if op.is_float else table.divide
    if op.kind == IT:
        return 0.0 if before is not None and before.size == 2 else 1.0
    if op.kind == BRANCH and op.name in ("tbb", "tbh"):
        return 1 + table.table
    if op.is_float and op.summed:
        return table.float_sum
    return 1.0


def _wait(op: Op, before: Op | None, table: Table) -> float:
    """Cycles an instruction waits for the result of the one before it."""
    if before is None:
        return 0.0
    needed = before.writes & op.reads
    if not needed:
        return 0.0
    if before.kind == LOAD:
        return table.load_use
    if before.is_float:
        return table.float_use if op.is_float else 0.0
    if before.kind == MULTIPLY and needed != {op.summed}:
        return table.multiply_use
    if before.kind in (ALU, MULTIPLY) and before.writes & op.addressing:
        return table.address_use
    return 0.0


def _paired(op: Op, before: Op | None) -> bool:
    """Whether an instruction is executed together with the one before it."""
    if before is None or op.size != 2 or before.size != 2 or before.address % 4:
        return False
    if before.kind not in (ALU, LOAD, STORE):
        return False
    if op.kind == BRANCH:
        return not op.indirect
    if op.kind != ALU or before.kind != ALU:
        return False
    return not (before.writes & op.reads or before.writes & op.writes)


def block_cycles(ops: Sequence[Op], after: Op | None, taken: bool, table: Table) -> float:
    """Cycles of instructions that are executed one after another.

    Args:
        ops: The instructions.
        after: The one that is executed next, if it is known.
        taken: Whether the last one branched there.
        table: The core.
    """
    total, before, joined = 0.0, None, False
    for op in ops:
        joined = table.pairs and not joined and _paired(op, before)
        if not joined:
            total += _own(op, before, table) + _wait(op, before, table)
        before = op
    if taken and before is not None:
        total += table.indirect if before.indirect else table.direct
        if after is not None and after.size == 4 and after.address % 4:
            total += table.far
    return total


class Walk:
    """Costs what a program executed. Each pair of blocks is costed once."""

    def __init__(self, code: Mapping[int, Op], table: Table) -> None:
        self._code, self._table = code, table
        self._costs: dict[tuple[int, int, int], tuple[int, float]] = {}

    def _cost(self, edge: tuple[int, int, int]) -> tuple[int, float]:
        if edge not in self._costs:
            start, size, after = edge
            ops = [self._code[a] for a in range(start, start + size, 2) if a in self._code]
            cycles = block_cycles(ops, self._code.get(after), after != start + size, self._table)
            self._costs[edge] = len(ops), cycles
        return self._costs[edge]

    def cycles(self, edges: Edges) -> tuple[int, float]:
        """Instructions and cycles of the blocks that Program.trace() counted."""
        count, total = 0, 0.0
        for edge, times in edges.items():
            instructions, cycles = self._cost(edge)
            count += times * instructions
            total += times * cycles
        return count, total
